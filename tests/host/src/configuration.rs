//! The shipped configurations, as Envoy gives them to the plugins.

use serde_json::{Map, Number, Value};
use yaml_rust2::{Yaml, YamlLoader};

use crate::module::root;

/// What the file of that name in `envoy/` configures the plugins with.
pub fn shipped(file: &str) -> Value {
    let path = root().join("envoy").join(file);
    let text = std::fs::read_to_string(path).expect("a shipped file can be read");
    let documents = YamlLoader::load_from_str(&text).expect("a shipped file is YAML");
    let keeper = &json(&documents[0])["bootstrap_extensions"][0];
    keeper["typed_config"]["config"]["configuration"]["value"].clone()
}

fn json(yaml: &Yaml) -> Value {
    match yaml {
        Yaml::Real(text) => Value::Number(text.parse().expect("a number")),
        Yaml::Integer(number) => Value::Number(Number::from(*number)),
        Yaml::String(text) => Value::String(text.clone()),
        Yaml::Boolean(is) => Value::Bool(*is),
        Yaml::Array(items) => items.iter().map(json).collect(),
        Yaml::Hash(fields) => {
            let fields = fields.iter();
            let field = |(name, value): (&Yaml, &Yaml)| {
                (name.as_str().expect("a name").to_owned(), json(value))
            };
            Value::Object(fields.map(field).collect::<Map<_, _>>())
        }
        Yaml::Alias(_) | Yaml::Null | Yaml::BadValue => Value::Null,
    }
}
