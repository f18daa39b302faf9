//! The identities of stages, as they have been stored: a result that was kept under one must be found under it again.
//!
//! For each file, target and point there is one hash over the names and identities of all stages. A change of the
//! snapshot is a change of what every earlier run is known by: it needs a reason, and a new version of the op.

#[path = "../../../compiler/tests/common/mod.rs"]
mod common;

use std::fmt::Write;

use common::plans::{self, Made};
use pbpo_plan::{Plan, identity::identities};

fn hash(plan: &Plan) -> String {
    let mut hasher = blake3::Hasher::new();
    for (name, identity) in identities(plan) {
        hasher.update(name.as_bytes()).update(&[0]).update(&identity);
    }
    hasher.finalize().to_hex().chars().take(32).collect()
}

#[test]
fn identities_are_those_that_were_stored() {
    let (mut out, mut last) = (String::new(), String::new());
    for Made { file, target, plan, .. } in plans::all() {
        if file != last {
            let _ = writeln!(out, "{file}");
            last = file;
        }
        let _ = writeln!(out, "  {target} {} {}", plan.point, hash(&plan));
    }
    insta::with_settings!({ prepend_module_to_snapshot => false }, { insta::assert_snapshot!("identities", out) });
}
