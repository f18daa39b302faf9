//! The Hugging Face world on disk.
