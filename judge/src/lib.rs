//! Oracles outside the model.
