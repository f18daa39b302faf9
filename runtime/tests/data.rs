//! Rows that are left out of data, with notices about them.

#[path = "common/mod.rs"]
mod common;

use std::collections::BTreeMap;
use std::sync::Arc;

use burn::tensor::Device;
use pbpo_runtime::context::{Context, Counters};
use pbpo_runtime::data::{Data, Source};
use pbpo_runtime::event::{Event, Observer};
use pbpo_runtime::host::Host;

#[derive(Default)]
struct Notices(Vec<String>);

impl Observer for Notices {
    fn event(&mut self, event: &Event) -> std::io::Result<()> {
        if let Event::Notice { text, .. } = event {
            self.0.push(text.clone());
        }
        Ok(())
    }
}

fn source(prompts: &[&str], longest: usize) -> Result<Source, pbpo_runtime::Fault> {
    let data = common::data(prompts);
    let tokenizer = common::tokenizer(&data);
    let mut copy = Data::new("rows", data.tokenizer.clone(), data.items.clone(), None, String::new());
    copy.longest = Some(longest);
    Source::new(&Arc::new(copy), &tokenizer)
}

#[test]
fn prompts_that_are_too_long_are_left_out_and_that_is_said_once() {
    // A prompt has one more token than letters.
    let source = source(&["ab", "abcabc", "c", "abca"], 4).unwrap();
    assert_eq!(*source.usable, [0, 2]);
    assert_eq!(source.demonstrations().unwrap().0.iter().map(|row| row.item).collect::<Vec<_>>(), [0, 2]);
    let mut notices = Notices::default();
    let (host, identities) = (Host::from(&Device::flex()), BTreeMap::new());
    let (mut counters, mut told) = (Counters::default(), None);
    let mut context = Context::new(&host, &identities, &mut counters, &mut notices, &mut told);
    source.tell(&mut context).unwrap();
    source.tell(&mut context).unwrap();
    assert_eq!(notices.0, ["2 of 4 prompts have more than 4 tokens and are left out"]);
}

#[test]
fn no_prompt_that_fits_is_an_error() {
    let fault = source(&["abcabc"], 4).err().unwrap();
    assert!(fault.message.contains("`rows`") && fault.help.unwrap().contains("7 tokens"));
}
