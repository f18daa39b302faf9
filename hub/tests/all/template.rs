//! Chat templates against the output of transformers.

use std::path::Path;

use pbpo_hub::{Message, Template};

use crate::{fixture, says};

fn template(source: &str) -> Template {
    Template::new(source, Path::new("chat_template.jinja")).unwrap()
}

/// Every template is rendered with every chat exactly as in transformers; if transformers raises, the message is the
/// same.
#[test]
fn chats_are_rendered_as_transformers_renders_them() {
    /// Messages keep the order of their fields, which a template may print.
    #[derive(serde::Deserialize)]
    struct Ordered {
        messages: Vec<Message>,
    }
    let cases = crate::json("templates.json");
    let ordered = std::fs::read(fixture("templates.json")).unwrap();
    let ordered: Vec<Ordered> = serde_json::from_slice(&ordered).unwrap();
    for (case, Ordered { messages }) in cases.as_array().unwrap().iter().zip(ordered) {
        let name = case["template"].as_str().unwrap();
        let file = fixture("templates").join(name);
        let template = Template::new(&std::fs::read_to_string(&file).unwrap(), &file).unwrap();
        // The date given to transformers, a Friday.
        let template = template.fixed_at(1_721_952_000).unwrap();
        let prompt = case["add_generation_prompt"].as_bool().unwrap();
        let rendered = template.render(&messages, prompt, Some("<s>"), Some("</s>"));
        match (case["text"].as_str(), rendered) {
            (Some(wanted), Ok(text)) => assert_eq!(text, wanted, "{name} {messages:?}"),
            (None, Err(error)) => {
                let wanted = case["error"].as_str().unwrap();
                assert!(error.message.ends_with(wanted), "{name}: {error}\n{wanted}");
            }
            (_, other) => panic!("{name} {messages:?}: {other:?}"),
        }
    }
    assert!(cases.as_array().unwrap().len() >= 100);
}

#[test]
fn a_template_that_raises_says_where_and_why() {
    let template = template(
        "{{ bos_token }}\n{%- if messages[0].role != 'user' %}\n  {{ raise_exception('users first') }}\n{% endif %}",
    );
    let message = says(template.render(&[Message::new("assistant", "x")], false, None, None), Path::new("-"));
    assert!(message.starts_with("chat_template.jinja line 3: the chat template refuses these messages: users first"));
    assert_eq!(template.render(&[Message::new("user", "x")], false, None, None).unwrap(), "");
}

#[test]
fn a_template_that_is_broken_says_where() {
    let broken = Template::new("a\n{% if %}", Path::new("chat_template.jinja"));
    assert!(
        says(broken, Path::new("-")).starts_with("chat_template.jinja line 2: the chat template cannot be compiled")
    );
    for source in [
        "x\n{{ nothing.at.all }}",
        "x\n{{ 1 + 'a' }}",
        "x\n{{ messages[0].content.nosuch() }}",
        "x\n{{ strftime_now('%Q') }}",
    ] {
        let message = says(template(source).render(&[Message::new("user", "x")], false, None, None), Path::new("-"));
        assert!(message.starts_with("chat_template.jinja line 2: the chat template cannot be applied"), "{message}");
    }
}

/// A template with unbounded recursion or loops ends in an error, not in a crash.
#[test]
fn a_template_cannot_take_the_process_down() {
    let recursion = template("{% macro f(n) %}{{ f(n + 1) }}{% endmacro %}{{ f(0) }}");
    assert!(recursion.render(&[], false, None, None).is_err());
    assert!(template("{{ range(1000000000) | list | length }}").render(&[], false, None, None).is_err());
    let nested = "(".repeat(5000);
    assert!(Template::new(&format!("{{{{ {nested} }}}}"), Path::new("t")).is_err());
}

#[test]
fn a_template_is_given_the_date_of_today_unless_it_is_fixed() {
    let dated = template("{{ strftime_now('%Y-%m-%d') }}");
    assert_eq!(dated.date(), None, "it has not asked yet");
    let today = dated.render(&[], false, None, None).unwrap();
    assert_eq!(dated.date(), Some(today.clone()));
    assert!(today.as_str() >= "2026-01-01" && today.len() == 10, "{today}");
    let format = "%d %-d %e|%b %B %m %-m %y %Y %a %A %j %H:%M:%S %I %p %F %T %%";
    let fixed = template(&format!("{{{{ strftime_now('{format}') }}}}")).fixed_at(1_709_337_845).unwrap();
    let wanted = "02 2  2|Mar March 03 3 24 2024 Sat Saturday 062 00:04:05 12 AM 2024-03-02 00:04:05 %";
    assert_eq!(fixed.render(&[], false, None, None).unwrap(), wanted);
    assert_eq!(fixed.date().as_deref(), Some("2024-03-02"));
    let plain = template("{{ messages | length }}");
    plain.render(&[], false, None, None).unwrap();
    assert_eq!(plain.date(), None);
}

/// As in `apply_chat_template` of transformers 5: reasoning has two names in templates, fields that are null are
/// absent, and keyword arguments take precedence over special tokens.
#[test]
fn templates_read_every_field_of_a_message_tools_and_keyword_arguments() {
    let source = "{{ tools | tojson }}|{{ think }}|{{ bos_token }}|{% for m in messages %}{{ m.thinking }}/\
                  {{ m.reasoning_content }}/{{ m.name is defined }}/{{ m.tool_calls | tojson }}{% endfor %}";
    let message = r#"{"role":"assistant","content":"x","name":null,"reasoning":"why",
        "tool_calls":[{"function":{"name":"f","arguments":{"z":1.0,"a":[null,true]}}}]}"#;
    let json = |text: &str| serde_json::from_str::<pbpo_hub::json::Json>(text).unwrap();
    let mut chat = pbpo_hub::Chat::from(vec![serde_json::from_str::<Message>(message).unwrap()]);
    chat.tools = Some(json(r#"[{"name":"f","a":1}]"#));
    chat.kwargs = json(r#"{"think":false,"bos_token":"<b>"}"#).as_object().unwrap().clone();
    let text = template(source).render(&chat, false, Some("<s>"), None).unwrap();
    let calls = r#"[{"function": {"name": "f", "arguments": {"z": 1.0, "a": [null, true]}}}]"#;
    assert_eq!(text, format!("[{{\"name\": \"f\", \"a\": 1}}]|False|<b>|why/why/False/{calls}"));
}
