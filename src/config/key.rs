//! Stored keys: credentials of the operator's own, with which a provider is called for clients that bring none (contract
//! §10.1).
//!
//! Invariant: the text of a key comes out of the VM's environment and goes into a header, nowhere else: it is in no
//! fault, no `Debug` text and no name. The aliases of a pool are distinct, its keys in the order of their priorities.

use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use super::section::{Field, Kind, Range, Section, distinct};
use super::{Config, Environment, Gateway, kind};
use crate::llm::provider::{Placement, is_credential_header};

/// Most keys of a pool: their state is one small value.
pub const MAX_KEYS: usize = 64;

/// The text of a stored key.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Secret(pub(super) String);

impl Secret {
    /// The text, for the header that it is meant for.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// One key of a provider, and where it is good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredKey {
    /// What `cf-aig-byok-alias` names it by; distinct in its pool. Default `default`.
    pub alias: String,
    /// What the provider is shown.
    pub secret: Secret,
    /// Its share of the calls among the keys of its priority, up to 100; 0: only calls that name it. Default 1.
    pub weight: u64,
    /// 0 to 9; a higher one is used while all keys of lower ones rest. Default 0.
    pub priority: u64,
    /// The cluster that its calls go to instead of the provider's.
    pub cluster: Option<String>,
    /// The `host` that its calls are sent with instead of the provider's.
    pub host: Option<String>,
}

/// The keys that calls of one provider choose from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyPool {
    /// The provider's slug as URLs have it.
    pub provider: String,
    /// The only gateway whose calls may choose from it; `None`: any gateway that has no pool of its own.
    pub gateway_id: Option<String>,
    /// Not empty; by priority, then in the order of the configuration.
    pub keys: Vec<Rc<StoredKey>>,
    /// For how long a key rests that was turned away.
    pub rest: KeyRest,
    /// Where the key stands in a request, for a provider of the operator's own.
    placement: Option<Placement>,
}

/// For how long a key rests; each 1 second to a day, and none longer than the longest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyRest {
    /// After a 429 that does not say for how long. Default 30 seconds.
    pub rate_limited: Duration,
    /// After a 401, 402 or 403. Default 5 minutes.
    pub refused: Duration,
    /// Whatever the provider asks for and however often the key fails. Default one hour.
    pub longest: Duration,
}

impl KeyPool {
    /// Where the key stands in a request to `endpoint`.
    pub fn placement(&self, endpoint: &str) -> Placement {
        let own = self.placement.clone();
        own.unwrap_or_else(|| Placement::of(&self.provider, endpoint))
    }
}

impl Config {
    /// The pool that calls of `provider` at `gateway` choose from: the gateway's own before that of every gateway.
    pub fn key_pool(&self, provider: &str, gateway: &str) -> Option<&Rc<KeyPool>> {
        let pools = match provider.strip_prefix("custom-") {
            Some(slug) => &self.custom_provider(slug)?.key_pools,
            None => &self.override_of(provider)?.key_pools,
        };
        let find = |id: Option<&str>| pools.iter().find(|pool| pool.gateway_id.as_deref() == id);
        find(Some(gateway)).or_else(|| find(None))
    }
}

/// What the readers of keys must know of the rest of the configuration.
#[derive(Clone, Copy)]
pub(super) struct Surroundings<'a> {
    pub(super) environment: Environment<'a>,
    /// `None`: they are faulty.
    pub(super) gateways: Option<&'a [Gateway]>,
}

/// The fields of a provider that are about its keys.
pub(super) struct Fields<'a> {
    keys: Field<'a>,
    rest: Field<'a>,
}

impl<'a> Fields<'a> {
    pub(super) fn of(section: &mut Section<'a>) -> Self {
        Self {
            keys: section.field("keys"),
            rest: section.field("key_rest"),
        }
    }

    pub(super) const fn is_given(&self) -> bool {
        self.keys.is_given()
    }

    /// The pools of a provider; `placement`: where its keys stand, if not as the built-in ones of that name have it.
    pub(super) fn read(
        &self,
        provider: &str,
        placement: Option<&Placement>,
        around: &Surroundings<'_>,
    ) -> Option<Vec<Rc<KeyPool>>> {
        let rest = read_rest(&self.rest);
        let entries = self.keys.items()?;
        if self.rest.is_given() && entries.is_empty() {
            self.rest.fault("means nothing without keys: remove it");
        }
        if entries.len() > MAX_KEYS {
            let message = format!("has more than {MAX_KEYS} keys: use fewer");
            self.keys.fault(message);
        }
        let keys: Vec<_> = entries.iter().map(|entry| read(entry, around)).collect();
        check_distinct(&entries, &keys);
        let keys: Vec<_> = keys.into_iter().collect::<Option<_>>()?;
        let mut pools = BTreeMap::<_, Vec<_>>::new();
        for (gateway, key) in keys {
            pools.entry(gateway).or_default().push(Rc::new(key));
        }
        let rest = rest?;
        let pools = pools.into_iter().map(|(gateway_id, mut keys)| {
            keys.sort_by_key(|key| key.priority);
            Rc::new(KeyPool {
                provider: provider.to_owned(),
                gateway_id,
                keys,
                rest,
                placement: placement.cloned(),
            })
        });
        Some(pools.collect())
    }
}

/// Reads where a provider of the operator's own takes its key.
pub(super) fn read_placement(section: &mut Section<'_>) -> Placement {
    let header = section.field("key_header").text(&HEADER);
    Placement::custom(header, section.field("key_scheme").text(&SCHEME))
}

/// A key, and the only gateway that it is for.
type Entry = (Option<String>, StoredKey);

fn check_distinct(entries: &[Field<'_>], keys: &[Option<Entry>]) {
    let found = || {
        let pairs = entries.iter().zip(keys);
        pairs.filter_map(|(entry, key)| Some((entry, key.as_ref()?)))
    };
    distinct(
        found().map(|(entry, (gateway, key))| (entry, (gateway, &key.alias))),
        |first| format!("has the alias of {first}: give it its own alias or gateway_id"),
    );
    let target = |key: &StoredKey| (key.cluster.clone(), key.host.clone());
    distinct(
        found().map(|(entry, (gateway, key))| (entry, (gateway, &key.secret, target(key)))),
        |first| format!("is the same key as {first}: remove one of them"),
    );
}

const WEIGHT: Range = Range {
    min: 0,
    max: 100,
    unit: "share",
};
const PRIORITY: Range = Range {
    min: 0,
    max: 9,
    unit: "level",
};

fn read(entry: &Field<'_>, around: &Surroundings<'_>) -> Option<Entry> {
    let mut section = entry.section()?;
    let alias = section.field("alias");
    let variable = section
        .field("environment_variable")
        .required("the variable of the VM's environment that holds the key");
    let secret = read_secret(&variable, around.environment);
    let weight = section.field("weight").whole(&WEIGHT);
    let priority = section.field("priority").whole(&PRIORITY);
    let gateway = section.field("gateway_id");
    let gateway_id = gateway.text(&kind::NAME);
    let (cluster, host) = (section.field("cluster"), section.field("host"));
    let (cluster, host) = (cluster.text(&kind::CLUSTER), host.text(&kind::HOST));
    section.finish();
    if let (Some(id), Some(gateways)) = (&gateway_id, around.gateways) {
        match gateways.iter().filter(|known| known.id == *id).count() {
            0 => gateway.fault("is not the id of a gateway: write one of gateways"),
            1 => {}
            // One of them may let in whom the other does not.
            _ => gateway.fault("is the id of several gateways: give them ids of their own"),
        }
    }
    let is_default = !alias.is_given();
    let key = StoredKey {
        alias: alias
            .text(&kind::NAME)
            .or_else(|| is_default.then(|| "default".to_owned()))?,
        secret: secret?,
        weight: weight.unwrap_or(1),
        priority: priority.unwrap_or(0),
        cluster,
        host,
    };
    Some((gateway_id, key))
}

/// The name of the variable is not repeated: it may be the key, put in the wrong place.
fn read_secret(field: &Field<'_>, environment: Environment<'_>) -> Option<Secret> {
    let name = field.text(&kind::VARIABLE)?;
    let fault = match environment(&name).as_deref().map(str::trim) {
        None => "is not set in the VM's environment: add it to vm_config.environment_variables",
        Some("") => "is empty in the VM's environment: give it the text of the key",
        Some(text)
            if text.starts_with('{') || !text.bytes().all(|byte| byte.is_ascii_graphic()) =>
        {
            "holds no key that a header can carry: one word of visible ASCII is; what signs (SigV4) or is \
            exchanged (a service account) is not supported"
        }
        Some(text) => return Some(Secret(text.to_owned())),
    };
    field.fault(fault);
    None
}

const SECONDS: Range = Range {
    min: 1,
    max: 86_400,
    unit: "second",
};

fn read_rest(field: &Field<'_>) -> Option<KeyRest> {
    let mut section = field.section()?;
    let longest = section.field("longest").whole(&SECONDS).unwrap_or(3600);
    let [rate_limited, refused] = [("rate_limited", 30), ("refused", 300)].map(|(name, usual)| {
        let field = section.field(name);
        let seconds = field.whole(&SECONDS).unwrap_or(longest.min(usual));
        if seconds > longest {
            field.fault(format!(
                "{seconds} is above longest, which is {longest}: lower it"
            ));
        }
        Duration::from_secs(seconds)
    });
    section.finish();
    Some(KeyRest {
        rate_limited,
        refused,
        longest: Duration::from_secs(longest),
    })
}

/// A header that is known, by its name, to carry a credential: it is kept from logs and told apart by the cache.
const HEADER: Kind<String> = Kind {
    wanted: "the name of a header for a key, such as x-api-key: 1 to 64 of a-z, 0-9, _ and -, with auth, key, secret or \
        token in it",
    parse: |text| {
        let name = (kind::NAME.parse)(text)?.to_ascii_lowercase();
        let is_other = ["cookie", "proxy-", "sec-", "x-envoy-"]
            .iter()
            .any(|word| name.contains(word));
        (is_credential_header(&name) && !is_other).then_some(name)
    },
};

const SCHEME: Kind<String> = Kind {
    wanted: "the word before the key, such as Token: up to 32 letters, digits and -",
    parse: |text| {
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        (text.len() <= 32 && text.bytes().all(is_word)).then(|| text.to_owned())
    },
};
