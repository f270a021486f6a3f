//! `handfast serve --forward` beside programs that copy TCP and prove nothing, in one run.
//!
//! `cargo run --release -p handfast-benches --bin handfast-forward-bench` prints the table. Wanted is the program itself,
//! built for release (`cargo build --release -p handfast-cli`). Everything is on loopback and on the same processors, the
//! clients too, so that a connection that is sealed pays for its client's half as well.

mod backend;
mod copy;
mod program;
mod route;
mod table;
mod work;

pub use backend::Backend;
pub use copy::CopyProxy;
pub use program::{Program, Socat};
pub use route::{Line, Route};
pub use table::{head, line, title};
pub use work::{Plan, Work, compare, idle_works, works};
