//! What the record says of that which a slot is about: the measurement that its name means (`labels`), what is judged by it
//! (`judging`, `test_results`), and whether all that the template says beside it was measured too (`places`, `row_cells`,
//! `check_cells`, `figures_beside`, `words_beside`, `claims`).
//!
//! What must hold: only a measurement makes anything green. What else the template says of a thing can take the green away,
//! and never give it; what can't be told is unmeasured.

mod answers;
pub mod check_cells;
mod claims;
pub mod cut;
mod expectation;
pub mod figures_beside;
pub mod judging;
pub mod labels;
mod numbers;
pub mod places;
mod printed;
pub mod row_cells;
pub mod state;
pub mod test_results;
mod vouched;
pub mod words_beside;
