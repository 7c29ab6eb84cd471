//! The built-in providers, one row each (contract §1.3; providers.md §3 where it is newer).
//!
//! Invariant: rows are in the order of their slugs, which are unique; a base begins and ends with a slash.

use super::model::ModelAt;
use super::place::Spelling;
use super::{Provider, Rule, Site};

/// A path that is sent as it is written.
const PLAIN: Spelling = Spelling {
    empty: "",
    own: &[],
    implied: &[],
    served: &[],
};

/// A provider that serves everything below `v1/`, which is part of its base.
const BELOW_V1: Spelling = Spelling {
    own: &["v1/"],
    ..PLAIN
};

pub(super) static TABLE: &[Provider] = &[
    // The AI SDK for TypeScript leaves the version to the base URL.
    fixed(
        "anthropic",
        "api.anthropic.com",
        "/",
        Spelling {
            implied: &["chat", "complete", "messages", "models"],
            ..PLAIN
        },
    ),
    Provider {
        slug: "aws-bedrock",
        site: Site::Chosen(&["amazonaws.com", "api.aws"]),
        base: "/",
        rule: Rule::Bedrock,
        model: ModelAt::Bedrock,
    },
    Provider {
        slug: "azure-openai",
        site: Site::Chosen(&["openai.azure.com"]),
        base: "/openai/",
        rule: Rule::Azure,
        model: ModelAt::Deployment,
    },
    Provider {
        slug: "baseten",
        site: Site::Chosen(&["baseten.co"]),
        base: "/",
        rule: Rule::Baseten,
        model: ModelAt::Body,
    },
    fixed(
        "cartesia",
        "api.cartesia.ai",
        "/",
        Spelling {
            empty: "tts/websocket",
            ..PLAIN
        },
    ),
    fixed("cerebras", "api.cerebras.ai", "/v1/", BELOW_V1),
    fixed(
        "cohere",
        "api.cohere.ai",
        "/",
        Spelling {
            implied: &[
                "chat",
                "classify",
                "detokenize",
                "embed",
                "generate",
                "models",
                "rerank",
                "tokenize",
            ],
            ..PLAIN
        },
    ),
    Provider {
        model: ModelAt::Query,
        ..fixed("deepgram", "api.deepgram.com", "/", PLAIN)
    },
    fixed(
        "deepseek",
        "api.deepseek.com",
        "/",
        Spelling {
            served: &["chat", "completions", "models"],
            ..PLAIN
        },
    ),
    fixed(
        "elevenlabs",
        "api.elevenlabs.io",
        "/",
        Spelling {
            empty: "v1/convai/conversation",
            ..PLAIN
        },
    ),
    Provider {
        slug: "fal",
        site: Site::Chosen(&["fal.run", "fal.ai"]),
        base: "/",
        rule: Rule::Fal,
        model: ModelAt::Body,
    },
    fixed(
        "fireworks",
        "api.fireworks.ai",
        "/inference/v1/",
        Spelling {
            own: &["inference/v1/", "v1/"],
            ..PLAIN
        },
    ),
    Provider {
        rule: Rule::GoogleLive,
        ..fixed("google", "generativelanguage.googleapis.com", "/ws/", PLAIN)
    },
    Provider {
        model: ModelAt::Method,
        ..fixed(
            "google-ai-studio",
            "generativelanguage.googleapis.com",
            "/",
            PLAIN,
        )
    },
    Provider {
        slug: "google-vertex-ai",
        site: Site::Chosen(&["googleapis.com"]),
        base: "/",
        rule: Rule::Vertex,
        model: ModelAt::Method,
    },
    fixed("grok", "api.x.ai", "/v1/", BELOW_V1),
    fixed(
        "groq",
        "api.groq.com",
        "/openai/v1/",
        Spelling {
            own: &["openai/v1/", "v1/"],
            ..PLAIN
        },
    ),
    Provider {
        rule: Rule::HuggingFace,
        model: ModelAt::Owner,
        ..fixed("huggingface", "router.huggingface.co", "/", PLAIN)
    },
    Provider {
        model: ModelAt::Ideogram,
        ..fixed("ideogram", "api.ideogram.ai", "/", PLAIN)
    },
    fixed("mistral", "api.mistral.ai", "/v1/", BELOW_V1),
    Provider {
        model: ModelAt::Query,
        ..fixed(
            "openai",
            "api.openai.com",
            "/v1/",
            Spelling {
                empty: "realtime",
                ..BELOW_V1
            },
        )
    },
    fixed(
        "openrouter",
        "openrouter.ai",
        "/api/v1/",
        Spelling {
            own: &["api/v1/", "v1/"],
            ..PLAIN
        },
    ),
    fixed(
        "parallel",
        "api.parallel.ai",
        "/",
        Spelling {
            served: &["chat"],
            ..PLAIN
        },
    ),
    fixed(
        "perplexity-ai",
        "api.perplexity.ai",
        "/",
        Spelling {
            implied: &["embeddings", "responses"],
            served: &["chat"],
            ..PLAIN
        },
    ),
    Provider {
        model: ModelAt::Owner,
        ..fixed("replicate", "api.replicate.com", "/v1/", BELOW_V1)
    },
    fixed("together", "api.together.ai", "/v1/", BELOW_V1),
    Provider {
        rule: Rule::WorkersAi,
        model: ModelAt::Run,
        ..fixed(
            "workers-ai",
            "api.cloudflare.com",
            "/client/v4/accounts/",
            PLAIN,
        )
    },
];

/// A provider on one host, whose model is in the body.
const fn fixed(
    slug: &'static str,
    host: &'static str,
    base: &'static str,
    spelling: Spelling,
) -> Provider {
    Provider {
        slug,
        site: Site::Fixed(host),
        base,
        rule: Rule::Plain(spelling),
        model: ModelAt::Body,
    }
}
