//! One page an address: each arranges components, and says what happens when they are used.

mod bring_in;
mod build;
mod build_context;
mod build_order;
mod compare;
mod container;
mod container_details;
mod containers;
mod image;
mod images;
mod inspect;
mod not_found;
mod prune;
mod share;

pub use build::BuildPage;
pub use build_order::Order;
pub use compare::ComparePage;
pub use container::ContainerPage;
pub use containers::ContainersPage;
pub use image::ImagePage;
pub use images::ImagesPage;
pub use inspect::InspectPage;
pub use not_found::NotFoundPage;
pub use share::SharePage;
