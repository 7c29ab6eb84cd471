//! What a filter can look at and how (contract §7.3).
//!
//! Invariant: every key has one type, by which its values are read and compared.

/// What a filter looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::console) enum Key {
    Id,
    CreatedAt,
    RequestContentType,
    ResponseContentType,
    RequestType,
    Success,
    Cached,
    Provider,
    Model,
    ModelType,
    Cost,
    Tokens,
    TokensIn,
    TokensOut,
    Duration,
    Feedback,
    EventId,
    MetadataName,
    MetadataValue,
    Authentication,
    Wholesale,
    CompatibilityMode,
    DlpAction,
    UserAgent,
    // Ours.
    GatewayId,
    Outcome,
    StatusCode,
}

/// The names of the keys: the contract's, then ours.
pub(in crate::console) const KEYS: [(&str, Key); 27] = [
    ("id", Key::Id),
    ("created_at", Key::CreatedAt),
    ("request_content_type", Key::RequestContentType),
    ("response_content_type", Key::ResponseContentType),
    ("request_type", Key::RequestType),
    ("success", Key::Success),
    ("cached", Key::Cached),
    ("provider", Key::Provider),
    ("model", Key::Model),
    ("model_type", Key::ModelType),
    ("cost", Key::Cost),
    ("tokens", Key::Tokens),
    ("tokens_in", Key::TokensIn),
    ("tokens_out", Key::TokensOut),
    ("duration", Key::Duration),
    ("feedback", Key::Feedback),
    ("event_id", Key::EventId),
    ("metadata.key", Key::MetadataName),
    ("metadata.value", Key::MetadataValue),
    ("authentication", Key::Authentication),
    ("wholesale", Key::Wholesale),
    ("compatibilityMode", Key::CompatibilityMode),
    ("dlp_action", Key::DlpAction),
    ("user_agent", Key::UserAgent),
    ("gateway_id", Key::GatewayId),
    ("outcome", Key::Outcome),
    ("status_code", Key::StatusCode),
];

/// How the field is compared with the values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::console) enum Operator {
    Eq,
    Neq,
    Contains,
    Lt,
    Gt,
    /// At most: of the deprecated `max_…` parameters.
    AtMost,
    /// At least: of the deprecated `min_…` parameters.
    AtLeast,
}

/// The operators that a filter may name.
pub(in crate::console) const OPERATORS: [(&str, Operator); 5] = [
    ("eq", Operator::Eq),
    ("neq", Operator::Neq),
    ("contains", Operator::Contains),
    ("lt", Operator::Lt),
    ("gt", Operator::Gt),
];

/// The type of a key's field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Flag,
    Number,
    Text,
    Time,
}

impl Key {
    pub(super) const fn kind(self) -> Kind {
        match self {
            Self::Success
            | Self::Cached
            | Self::Authentication
            | Self::Wholesale
            | Self::CompatibilityMode => Kind::Flag,
            Self::Cost
            | Self::Tokens
            | Self::TokensIn
            | Self::TokensOut
            | Self::Duration
            | Self::Feedback
            | Self::StatusCode => Kind::Number,
            Self::CreatedAt => Kind::Time,
            Self::Id
            | Self::RequestContentType
            | Self::ResponseContentType
            | Self::RequestType
            | Self::Provider
            | Self::Model
            | Self::ModelType
            | Self::EventId
            | Self::MetadataName
            | Self::MetadataValue
            | Self::DlpAction
            | Self::UserAgent
            | Self::GatewayId
            | Self::Outcome => Kind::Text,
        }
    }
}
