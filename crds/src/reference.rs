//! `docs/reference.md` from the schema. Pure.
