//! The worker: reads archives and Dockerfiles beside the page.

fn main() {
    estiva_worker::start();
}
