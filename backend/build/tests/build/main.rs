//! Whole builds, as root, in a store of their own: what ends up in the image, what is told, what is left behind.
//!
//! They need root, a static busybox and the program `estiva-runtime`; without one of them each says so and passes.

// `cfg(test)` says to clippy that a module's helpers are tests too.
mod cache;
#[cfg(test)]
mod certificates;
mod copy;
mod example;
mod faults;
#[cfg(test)]
mod killed;
mod links;
#[cfg(test)]
mod network;
mod run;
mod stages;
#[cfg(test)]
mod world;
