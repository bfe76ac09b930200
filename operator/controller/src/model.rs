//! Whether the model Service lists a model: `GET /v1/models`, as OpenAI's API defines it
//! (<https://platform.openai.com/docs/api-reference/models/list>). Answers are kept until the Service's endpoints change.

use crate::http_client;
use serde::Deserialize;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// What the Service said when it was last asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listing {
    /// These models.
    Models(Vec<String>),
    /// It did not answer, or not with a list.
    Failed(String),
}

/// The last answer. Only a good one is kept.
#[derive(Debug, Default)]
pub struct ModelChecks {
    last: Mutex<Option<(SocketAddr, u64, Vec<String>)>>,
}

#[derive(Deserialize)]
struct List {
    data: Vec<Model>,
}
#[derive(Deserialize)]
struct Model {
    id: String,
}

impl ModelChecks {
    /// The models at that address: from memory if it answered while its endpoints had the same `version`, else asked now (3 s at most).
    pub async fn listing(&self, address: SocketAddr, version: u64) -> Listing {
        let known = self.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((_, _, models)) = known.filter(|(at, seen, _)| (*at, *seen) == (address, version)) {
            return Listing::Models(models);
        }
        let answer = http_client::get(address, "/v1/models", None, Duration::from_secs(3)).await;
        match answer.and_then(|body| serde_json::from_slice::<List>(&body).map_err(http_client::Error::from)) {
            Ok(list) => {
                let models: Vec<String> = list.data.into_iter().map(|model| model.id).take(256).collect();
                *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some((address, version, models.clone()));
                Listing::Models(models)
            }
            Err(error) => Listing::Failed(error.to_string()),
        }
    }
}
