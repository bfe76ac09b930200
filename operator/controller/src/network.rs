//! Pieces of NetworkPolicies. A rule always names pods by selector and the port they listen on: policies are matched after the
//! Service address has been translated. Pure.

use crate::names::NAMESPACE_NAME;
use k8s_openapi::api::networking::v1::{
    IPBlock, NetworkPolicy, NetworkPolicyEgressRule, NetworkPolicyIngressRule, NetworkPolicyPeer, NetworkPolicyPort,
    NetworkPolicySpec,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

/// Pods of the policy's own namespace.
pub fn pods(selector: LabelSelector) -> NetworkPolicyPeer {
    NetworkPolicyPeer { pod_selector: Some(selector), ..NetworkPolicyPeer::default() }
}
/// Pods of another namespace, by its name.
pub fn pods_in(namespace: &str, selector: LabelSelector) -> NetworkPolicyPeer {
    let namespace = crate::names::selector(&[(NAMESPACE_NAME, namespace)]);
    NetworkPolicyPeer { namespace_selector: Some(namespace), pod_selector: Some(selector), ip_block: None }
}
/// Addresses.
pub fn block(cidr: &str, except: Vec<String>) -> NetworkPolicyPeer {
    let block = IPBlock { cidr: cidr.to_owned(), except: (!except.is_empty()).then_some(except) };
    NetworkPolicyPeer { ip_block: Some(block), ..NetworkPolicyPeer::default() }
}
fn port(protocol: &str, port: IntOrString) -> NetworkPolicyPort {
    NetworkPolicyPort { protocol: Some(protocol.to_owned()), port: Some(port), end_port: None }
}
/// One TCP port.
pub fn tcp(number: i32) -> NetworkPolicyPort {
    tcp_port(IntOrString::Int(number))
}
/// One TCP port, by number or by the name that the pod gives it.
pub fn tcp_port(number_or_name: IntOrString) -> NetworkPolicyPort {
    port("TCP", number_or_name)
}
/// One UDP port.
pub fn udp(number: i32) -> NetworkPolicyPort {
    port("UDP", IntOrString::Int(number))
}
/// Outgoing to these peers on these ports.
pub fn to(peers: Vec<NetworkPolicyPeer>, ports: Vec<NetworkPolicyPort>) -> NetworkPolicyEgressRule {
    NetworkPolicyEgressRule { to: Some(peers), ports: Some(ports) }
}
/// Incoming from these peers on these ports.
pub fn from(peers: Vec<NetworkPolicyPeer>, ports: Vec<NetworkPolicyPort>) -> NetworkPolicyIngressRule {
    NetworkPolicyIngressRule { from: Some(peers), ports: Some(ports) }
}
/// A policy for both directions: what is not listed is denied.
pub fn policy(
    metadata: ObjectMeta,
    selector: LabelSelector,
    ingress: Vec<NetworkPolicyIngressRule>,
    egress: Vec<NetworkPolicyEgressRule>,
) -> NetworkPolicy {
    NetworkPolicy {
        metadata,
        spec: Some(NetworkPolicySpec {
            pod_selector: Some(selector),
            ingress: (!ingress.is_empty()).then_some(ingress),
            egress: (!egress.is_empty()).then_some(egress),
            policy_types: Some(vec!["Ingress".to_owned(), "Egress".to_owned()]),
        }),
    }
}
