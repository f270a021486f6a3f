//! Tests against peers that nobody here wrote.
