//! One page-table walker and a PTE codec per architecture.
