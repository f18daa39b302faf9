//! Where in a file a byte is: the brackets around it, and the statement it is in. By the text alone.

use crate::schema::{Field, Kind, blocks, functions, ops};

/// Words and marks of a statement so far.
pub type Words = Vec<String>;

/// An open bracket.
#[derive(Clone, Debug, Default)]
pub struct Frame {
    pub bracket: char,
    /// What stands in front of it in its statement.
    pub head: Words,
    /// The statement at hand inside it.
    pub statement: Words,
    /// Names of the fields or arguments that were given before.
    pub given: Vec<String>,
    /// Arguments without a name before.
    pub unnamed: usize,
}

/// What may stand inside the innermost bracket.
#[derive(Clone, Debug)]
pub enum Place {
    Top,
    /// Fields, of which block if one.
    Fields(&'static [Field]),
    /// Statements of a pipeline.
    Statements,
    /// Arguments of an operation.
    Arguments(&'static ops::OpSchema),
    /// Arguments of a function or an expression of an objective.
    Expression,
    /// `path = value` of a variant or a sweep.
    Settings,
    /// Names of an import, from this module.
    Names(String),
    Unknown,
}

/// The brackets that are open in front of a byte; the first frame is the file.
pub fn frames(text: &str, offset: usize) -> Vec<Frame> {
    let mut frames = vec![Frame::default()];
    let before = text.get(..offset).unwrap_or(text);
    let mut chars = before.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let Some(frame) = frames.last_mut() else { break };
        match c {
            '/' if before.get(at + 1..).is_some_and(|rest| rest.starts_with('/')) => {
                while chars.next_if(|(_, c)| *c != '\n').is_some() {}
            }
            '"' => {
                frame.statement.push("\"".into());
                let mut escaped = false;
                while let Some((_, c)) = chars.next_if(|(_, c)| *c != '\n') {
                    match c {
                        '\\' if !escaped => escaped = true,
                        '"' if !escaped => break,
                        _ => escaped = false,
                    }
                }
            }
            '{' | '(' | '[' => {
                let head = frame.statement.clone();
                frames.push(Frame { bracket: c, head, ..Frame::default() });
            }
            '}' | ')' | ']' => {
                if frames.len() > 1 {
                    frames.pop();
                }
                if let Some(outer) = frames.last_mut() {
                    outer.statement.push(c.to_string());
                }
            }
            ',' => frame.end(),
            '\n' if frame.bracket != '(' && frame.bracket != '[' => frame.end(),
            c if c.is_whitespace() => {}
            c if c.is_alphanumeric() || c == '_' => {
                let mut word = String::from(c);
                while let Some((_, c)) = chars.next_if(|(_, c)| c.is_alphanumeric() || *c == '_') {
                    word.push(c);
                }
                frame.statement.push(word);
            }
            c => frame.statement.push(c.to_string()),
        }
    }
    frames
}

impl Frame {
    fn end(&mut self) {
        match self.statement.as_slice() {
            [] => {}
            [name, mark, ..] if mark == "=" => self.given.push(name.clone()),
            _ => self.unnamed += 1,
        }
        self.statement.clear();
    }

    /// The field whose value is being written: `name = ...`.
    pub fn value_of(&self) -> Option<&str> {
        match self.statement.as_slice() {
            [name, mark, ..] if mark == "=" => Some(name),
            _ => None,
        }
    }
}

/// What the innermost of some frames holds.
pub fn place(frames: &[Frame]) -> Place {
    let mut place = Place::Top;
    for frame in frames.iter().skip(1) {
        place = inside(&place, frame);
    }
    place
}

fn inside(outer: &Place, frame: &Frame) -> Place {
    let head: Vec<&str> = frame.head.iter().map(String::as_str).collect();
    let last = head.last().copied().unwrap_or_default();
    match (outer, head.as_slice()) {
        (Place::Top, ["use", module @ ..]) => Place::Names(module.concat()),
        (Place::Top, ["pipeline", ..]) if frame.bracket == '{' => Place::Statements,
        (Place::Top, ["variant" | "sweep", ..]) => Place::Settings,
        (Place::Top, ["objective" | "pipeline", ..]) => Place::Expression,
        (Place::Top, [kind, _]) => Kind::parse(kind).map_or(Place::Unknown, |kind| Place::Fields(blocks::fields(kind))),
        (Place::Fields(fields), [field, "=", rest @ ..]) => {
            let Some(schema) = fields.iter().find(|schema| schema.name == *field) else { return Place::Unknown };
            of_value(schema, rest.first().copied())
        }
        (Place::Statements, ["repeat", ..]) if frame.bracket == '{' => Place::Statements,
        (Place::Statements, _) if frame.bracket == '(' => match ops::find(last) {
            Some(op) => Place::Arguments(op),
            None if functions::find(last).is_some() || head.contains(&"on") => Place::Expression,
            None => Place::Expression,
        },
        (Place::Expression | Place::Arguments(_), _) => Place::Expression,
        _ => Place::Unknown,
    }
}

/// What stands inside the value of a field.
fn of_value(field: &'static Field, tag: Option<&str>) -> Place {
    match field.ty {
        crate::schema::Ty::Record(fields) => Place::Fields(fields),
        ty => match (ty.alternatives(), tag) {
            (Some(all), Some(tag)) => all
                .iter()
                .find(|variant| variant.name == tag)
                .map_or(Place::Unknown, |variant| Place::Fields(variant.fields)),
            _ => Place::Unknown,
        },
    }
}

/// The word around a byte: where it starts and ends.
pub fn word(text: &str, offset: usize) -> (usize, usize) {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    let before = text.get(..offset).unwrap_or("");
    let start = before
        .rfind(|c| !part(c))
        .map_or(0, |at| at + before.get(at..).and_then(|s| s.chars().next()).map_or(1, char::len_utf8));
    let after = text.get(offset..).unwrap_or("");
    let end = offset + after.find(|c| !part(c)).unwrap_or(after.len());
    (start, end)
}

/// Words in front of a byte that belong to its path: `pi.optimizer.` gives both.
pub fn path_before(text: &str, start: usize) -> Vec<String> {
    let before = text.get(..start).unwrap_or("");
    let from = before
        .rfind(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.'))
        .map_or(0, |at| at + before.get(at..).and_then(|s| s.chars().next()).map_or(1, char::len_utf8));
    let path = before.get(from..).unwrap_or("");
    match path.strip_suffix('.') {
        Some(path) => path.split('.').map(str::to_owned).collect(),
        None => Vec::new(),
    }
}
