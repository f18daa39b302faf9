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

/// A namespace that holds itself, in any way, is shown, compared and written without recursion.
#[test]
fn a_namespace_that_holds_itself_takes_no_process_down() {
    for hold in [
        "{% set ns.x = ns %}",
        "{% set ns.x = [ns] %}",
        "{% set ns.x = {'a': [ns]} %}",
        "{% set ns.x = (1, ns) %}",
        "{% set ns.x, y = ns, 1 %}",
        "{% set ns.x | default(ns, true) %}{% endset %}",
        "{% set ns.x = dict(a=ns) %}",
        "{% set ns.x = namespace(x=ns) %}{% set ns.x.y = ns.x %}",
        "{% macro f(n) %}{% set n.x = n %}{% endmacro %}{{ f(ns) }}",
    ] {
        for show in [
            "{{ ns }}",
            "{{ ns.x }}",
            "{{ ns ~ ns.x }}",
            "{{ [ns] | tojson }}",
            "{{ ns.x | string }}",
            "{{ ns.x == ns }}{{ ns.x == [[ns.x]] }}",
            "{{ ns in [ns.x] }}",
            "{{ [ns, ns.x, ns.x] | unique | list }}",
            "{{ '%s' | format(ns.x) }}{{ ns.x | join(',') }}",
        ] {
            let source = format!("{{% set ns = namespace() %}}{hold}{show}");
            let _ = template(&source).render(&[], false, None, None);
        }
    }
    let shown = template("{% set ns = namespace() %}{% set ns.x = [ns] %}{{ ns.x }}|{{ ns == ns.x[0] }}");
    assert_eq!(shown.render(&[], false, None, None).unwrap(), "[<Namespace {...}>]|True");
}

/// As in Jinja: whitespace marks, lines, several targets, filtered blocks, and text that only looks like an assignment.
#[test]
fn attributes_of_namespaces_are_assigned() {
    for (source, wanted) in [
        ("{% set n = namespace(a=1) %}{% for i in [1, 2] %}{% set n.a = n.a + i %}{% endfor %}{{ n.a }}", "4"),
        ("{% set n = namespace({'a': 1}) %}{%- set n.b = 'x %}' -%}\n  {{ n.a }}{{ n['b'] }}", "1x %}"),
        ("{% set n = namespace() %}a\n  {% set n.a = 1 %}\nb\n  {%+ set n.a = 2 +%}\n{{ n.a }}", "a\nb\n  \n2"),
        ("{% set n = namespace() %}{% set n.a, b = 1, 2 %}{% set (n.c) = 3, %}{{ n.a }}{{ b }}{{ n.c }}", "12(3,)"),
        ("{% set n = namespace() %}{% set n.a %}x{% set n.b %}y{% endset %}z{% endset -%} {{ n.a ~ n.b }}", "xzy"),
        ("{% set n = namespace() %}{% set n.a | upper %}x{% endset %}{{ n.a }}", "X"),
        ("{% set n = namespace(m=namespace()) %}{% set n.m.a = 1 if false else 2 %}{{ n.m.a }}", "2"),
        ("{% set n = namespace() %}{% set n.a = nothing %}{{ n.a is defined }}{{ n.b is defined }}", "FalseFalse"),
        (
            "{% raw %}{% set n.a = 1 %}{% endraw %}{# {% set n.a = 1 %} #}{{ '{% set n.a = 1 %}' }}",
            "{% set n.a = 1 %}{% set n.a = 1 %}",
        ),
        ("{% macro f(n) %}{% set n.a = n.a + 1 %}{% endmacro %}{% set n = namespace(a=1) %}{{ f(n) }}{{ n.a }}", "2"),
        ("{% set a = {'x': 1} %}{% set b %}{{ a.x }}{% endset %}{{ b }}", "1"),
    ] {
        assert_eq!(template(source).render(&[], false, None, None).unwrap(), wanted, "{source}");
    }
    for (source, line) in
        [("\n{% set messages.x = 1 %}", 2), ("{% set n = namespace() %}\n{% set n.a = 1\n %}{{ 1 + 'a' }}", 3)]
    {
        let message = says(template(source).render(&[], false, None, None), Path::new("-"));
        assert!(message.contains(&format!("line {line}: ")), "{message}");
    }
    let message = says(template("{% set messages.x = 1 %}").render(&[], false, None, None), Path::new("-"));
    assert!(message.contains("can only assign to namespaces, not sequence"), "{message}");
}

/// As `repr` and `json.dumps` of Python write them.
#[test]
fn floats_are_written_as_python_writes_them() {
    for (json, wanted) in [
        ("1e-7", "1e-07"),
        ("0.00001", "1e-05"),
        ("0.0001", "0.0001"),
        ("12345e-8", "0.00012345"),
        ("123456.789", "123456.789"),
        ("1.0", "1.0"),
        ("1e2", "100.0"),
        ("-0.0", "-0.0"),
        ("1e15", "1000000000000000.0"),
        ("1e16", "1e+16"),
        ("123456789012345678.0", "1.2345678901234568e+17"),
        ("-1.5e-10", "-1.5e-10"),
        ("5e-324", "5e-324"),
        ("0.3333333333333333", "0.3333333333333333"),
        ("1", "1"),
    ] {
        let message = format!(r#"{{"role":"user","content":"x","n":{json}}}"#);
        let messages = [serde_json::from_str::<Message>(&message).unwrap()];
        let source = "{% set n = messages[0].n %}{{ n }} {{ n | tojson }} {{ {'a': [n]} | tojson }} {{ n | string }}";
        let text = template(source).render(&messages, false, None, None).unwrap();
        assert_eq!(text, format!("{wanted} {wanted} {{\"a\": [{wanted}]}} {wanted}"), "{json}");
        let text = template("{{ {'a': [messages[0].n]} | tojson(indent=1) }}").render(&messages, false, None, None);
        assert_eq!(text.unwrap(), format!("{{\n \"a\": [\n  {wanted}\n ]\n}}"));
    }
    for (source, wanted) in [
        ("{{ 1e22 }}", "1e+22"),
        ("{{ 1.7976931348623157e308 }}", "1.7976931348623157e+308"),
        ("{{ 1 / 3 }}", "0.3333333333333333"),
    ] {
        assert_eq!(template(source).render(&[], false, None, None).unwrap(), wanted);
    }
}

/// The keys of an object are compared by their hashes, not each with each.
#[test]
fn a_message_of_many_fields_is_read_soon() {
    let start = std::time::Instant::now();
    let fields: String = (0..200_000).map(|key| format!(",\"k{key}\":{key}")).collect();
    let text = format!(r#"{{"role":"user","content":"x","reasoning":"y"{fields}}}"#);
    let message: Message = serde_json::from_str(&text).unwrap();
    let reversed: String = (0..200_000).rev().map(|key| format!(",\"k{key}\":{key}")).collect();
    let other: Message =
        serde_json::from_str(&format!(r#"{{"reasoning":"y"{reversed},"content":"x","role":"user"}}"#)).unwrap();
    assert_eq!(message, other);
    let text = template("{{ messages[0] | length }}").render(&[message], false, None, None).unwrap();
    assert_eq!(text, "200005");
    assert!(start.elapsed() < std::time::Duration::from_secs(3), "{:?}", start.elapsed());
}
