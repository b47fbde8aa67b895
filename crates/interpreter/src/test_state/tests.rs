//! Tests: rows of a state, a call and what it reports.
