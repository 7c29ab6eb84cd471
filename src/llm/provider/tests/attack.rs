//! Every known way to steer a call elsewhere.

use super::super::path::{MAX_TARGET, PathError};
use super::super::{BadTarget, UpstreamCall, all, find};
use super::{call, route};

#[test]
fn hostile_paths_go_nowhere() {
    for provider in all() {
        for path in [
            "../x",
            "v1/..",
            "v1/%2e%2e/x",
            "v1/%2e%2E%2fx",
            "v1/%252e%252e/x",
            "v1\\x",
            "v1/%5c",
            "/evil.example",
            "v1//x",
            "v1/x\r\nhost: evil.example",
            "v1/%0d%0a",
            "v1/x?y",
            "v1/x#y",
            "v1/ü",
            "v1/%ff",
            "v1/%zz",
        ] {
            let error = provider.upstream(&call(path, None)).unwrap_err();
            assert!(
                matches!(error, BadTarget::Path(_)),
                "{} {path:?}: {error:?}",
                provider.slug
            );
        }
        let error = provider
            .upstream(&call("v1/x", Some("a\r\nb")))
            .unwrap_err();
        assert_eq!(
            error,
            BadTarget::Path(PathError::Control),
            "{}",
            provider.slug
        );
        let long = format!("v1/{}", "x".repeat(MAX_TARGET));
        let error = provider.upstream(&call(&long, None)).unwrap_err();
        assert_eq!(
            error,
            BadTarget::Path(PathError::TooLong),
            "{}",
            provider.slug
        );
    }
    let nearly = "x".repeat(MAX_TARGET - 3);
    assert_eq!(
        route("groq", &nearly).unwrap_err(),
        BadTarget::Path(PathError::TooLong),
        "what is sent counts"
    );
}

#[test]
fn an_azure_resource_is_one_lower_case_label() {
    let long = "r".repeat(64);
    for resource in [
        "evil.example",
        "evil.example%2f",
        "r%2Eevil",
        "r@evil",
        "r:443",
        "r_1",
        "Res",
        "-r",
        "r-",
        "r;x",
        &long,
        "",
    ] {
        let error = route("azure-openai", &format!("{resource}/d/chat/completions")).unwrap_err();
        assert!(
            matches!(error, BadTarget::Resource | BadTarget::Path(_)),
            "{resource}: {error:?}"
        );
    }
}

#[test]
fn an_azure_deployment_is_one_plain_segment() {
    for path in [
        "r/d%2fx/chat",
        "r/d%20x/chat",
        "r/d@x/chat",
        "r/deployments/d:1/chat",
        "r/openai/deployments/d%41/x",
    ] {
        assert_eq!(
            route("azure-openai", path).unwrap_err(),
            BadTarget::Deployment,
            "{path}"
        );
    }
    for path in ["", "r", "r/", "r/d", "r/openai/deployments/d"] {
        assert!(
            matches!(
                route("azure-openai", path).unwrap_err(),
                BadTarget::Shape(_)
            ),
            "{path}"
        );
    }
}

#[test]
fn a_bedrock_region_is_a_region() {
    for region in [
        "evil.example",
        "us-east-1.evil",
        "us-east-1%2eevil",
        "us-east-1@evil",
        "us-east-1:80",
        "us-east",
        "us--1",
        "US-EAST-1",
        "us-east-100",
        "u-east-1",
        "usa-east-1",
        "us-east-1-",
        "1",
        "us-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-1",
    ] {
        for service in ["bedrock-runtime", "bedrock-mantle"] {
            let error = route(
                "aws-bedrock",
                &format!("{service}/{region}/model/m/converse"),
            )
            .unwrap_err();
            assert_eq!(error, BadTarget::Region, "{region}");
        }
    }
    for path in [
        "",
        "bedrock-runtime",
        "s3/us-east-1/x",
        "model/m/converse",
        "bedrock-runtime.evil/us-east-1/x",
    ] {
        assert!(
            matches!(route("aws-bedrock", path).unwrap_err(), BadTarget::Shape(_)),
            "{path}"
        );
    }
}

#[test]
fn a_vertex_region_and_project_are_what_they_seem() {
    for region in [
        "evil.example",
        "us-central1.evil",
        "us-central1%2f",
        "us-central1@evil",
        "US",
        "us1",
        "us-central",
        "",
    ] {
        let error = route(
            "google-vertex-ai",
            &format!("v1/projects/p/locations/{region}/x"),
        )
        .unwrap_err();
        assert!(
            matches!(
                error,
                BadTarget::Region | BadTarget::Path(PathError::EmptySegment)
            ),
            "{region}: {error:?}"
        );
    }
    for project in ["p%2fq", "P", "p@q", "p_q"] {
        let error = route(
            "google-vertex-ai",
            &format!("v1/projects/{project}/locations/us/x"),
        )
        .unwrap_err();
        assert_eq!(error, BadTarget::Project, "{project}");
    }
}

#[test]
fn a_dedicated_model_can_not_name_a_host() {
    for id in [
        "a.evil.example",
        "a%2e",
        "a@b",
        "a-b",
        "A",
        "",
        &"a".repeat(33),
    ] {
        let error = route("baseten", &format!("model/{id}/production/predict")).unwrap_err();
        assert!(
            matches!(error, BadTarget::Model | BadTarget::Path(_)),
            "{id}: {error:?}"
        );
    }
}

#[test]
fn workers_ai_needs_a_plain_account_and_model() {
    for account in ["", "..", "a/b", "a%2fb", "a.b", "a?b"] {
        let call = UpstreamCall {
            account,
            ..call("@cf/m", None)
        };
        assert_eq!(
            find("workers-ai").unwrap().upstream(&call),
            Err(BadTarget::Account),
            "{account}"
        );
    }
    for model in [
        "..%2f..%2fzones",
        "@cf/../x",
        "a%3Fb",
        "a%23b",
        "a%0d%0ab",
        "%2f%2fevil",
        "a%2525",
    ] {
        assert_eq!(
            route("workers-ai", &format!("?model={model}")).unwrap_err(),
            BadTarget::Model,
            "{model}"
        );
    }
}
