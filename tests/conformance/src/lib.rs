//! Conformance scenarios, written once against zx.
