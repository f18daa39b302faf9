//! Overrides that would make the points of a sweep equal under different names.

use pbpo_grammar::{FileId, Span};

use super::{Origin, Override, Point, Target, target};
use crate::check::path_text;
use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::modules::Project;

/// Reports overrides of the command line that set all values of an axis, or a part of them, to one value.
pub fn pinned(project: &Project, sets: &[Override], points: &[Point], out: &mut Vec<Diagnostic>) {
    for set in sets {
        let Some(pin) = Target::of(&project.views, &set.path) else { continue };
        let axes = |point: &Point| -> Vec<(String, Span)> {
            let swept = point.overrides.iter().filter(|(origin, _)| matches!(origin, Origin::Sweep(_)));
            let axes = swept.map(|(_, axis)| axis).filter(|axis| decides(project, &pin, axis));
            axes.map(|axis| (axis.text.clone(), axis.value.span)).collect()
        };
        // Values that are the same in every point are not an axis.
        let first = points.first().map(axes).unwrap_or_default();
        let Some(other) = points.iter().map(axes).find(|other| *other != first) else { continue };
        let axis = first.into_iter().chain(other).next();
        if let (Some((_, axis)), Some(at), Some(point)) = (axis, set.path.first(), points.first()) {
            let message = format!("`{}` is what the sweep varies", path_text(&set.path));
            out.push(
                Diagnostic::error(Code::PinnedAxis, at.span, message)
                    .label("every point would have this value")
                    .also(axis, "an axis of the sweep")
                    .help(format!("run one point, as `{}`, or leave it out", point.name)),
            );
        }
    }
}

/// Tells whether a later setting hides a value of an axis: all of it, or a part that it sets.
fn decides(project: &Project, pin: &Target, axis: &Override) -> bool {
    let Some(swept) = Target::of(&project.views, &axis.path) else { return false };
    let part = || target::part(&axis.value, swept.way_to(pin)?);
    pin.way_to(&swept).is_some() || part().is_some()
}

/// Makes a warning if the overrides set a seed other than the run's: all points would draw the same numbers.
pub fn other_seed(project: &Project, pipeline: FileId, sets: &[&Override]) -> Option<Diagnostic> {
    let target = |set: &&Override| Target::of(&project.views, &set.path).filter(|to| to.is_seed(project));
    let set = sets.iter().find(|set| target(set).is_some())?;
    let own = project.views.seed(pipeline);
    if sets.iter().filter_map(target).any(|target| Some(target.global.as_str()) == own) {
        return None;
    }
    let at = set.path.first()?;
    let message = format!("`{}` is not the seed of this pipeline", at.text);
    let error = Diagnostic::error(Code::UnknownPath, at.span, message).label("of another file");
    Some(error.help("import the `seed` of the pipeline's file with the pipeline, in place of this one"))
}
