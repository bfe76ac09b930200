//! Pieces of the custom resources as pod fields. Pure.

use crate::pods;
use assistant_crds::parts::{Amounts, Resources, TaintEffect, Toleration, TolerationOperator};
use k8s_openapi::api::core::v1::ResourceRequirements;

/// What the resource asks for, over the defaults given.
pub fn resources(asked: Option<&Resources>, cpu: &str, memory: &str, limit: &str) -> ResourceRequirements {
    let mut wanted = pods::resources(cpu, memory, limit);
    let put = |map: &mut Option<std::collections::BTreeMap<_, _>>, amounts: Option<&Amounts>| {
        let Some(amounts) = amounts else { return };
        for (key, amount) in [("cpu", &amounts.cpu), ("memory", &amounts.memory)] {
            if let Some(amount) = amount {
                map.get_or_insert_default().insert(key.to_owned(), amount.clone());
            }
        }
    };
    if let Some(asked) = asked {
        put(&mut wanted.requests, asked.requests.as_ref());
        put(&mut wanted.limits, asked.limits.as_ref());
    }
    wanted
}

/// A toleration.
pub fn toleration(toleration: &Toleration) -> k8s_openapi::api::core::v1::Toleration {
    let operator = match toleration.operator {
        TolerationOperator::Equal => "Equal",
        TolerationOperator::Exists => "Exists",
    };
    let effect = toleration.effect.map(|effect| match effect {
        TaintEffect::NoSchedule => "NoSchedule",
        TaintEffect::PreferNoSchedule => "PreferNoSchedule",
        TaintEffect::NoExecute => "NoExecute",
    });
    k8s_openapi::api::core::v1::Toleration {
        key: toleration.key.clone(),
        operator: Some(operator.to_owned()),
        value: toleration.value.clone(),
        effect: effect.map(str::to_owned),
        toleration_seconds: toleration.toleration_seconds,
    }
}
