//! What comes from outside is hostile until it is read: every file that this project did not write itself is opened by
//! `file`, which takes regular files alone and never more bytes than its kind may have; every text that a file, a model
//! or a server gave passes through `shown` before a terminal sees it.

pub mod address;
pub mod file;
pub mod json;
pub mod shards;
pub mod shown;
