//! The contents of the files of an image of the store: the server reads them where the layers lie.

use wasm_bindgen_futures::spawn_local;
use yew::Callback;

use super::analyser::{Analyser, ContentsAsk, Downloaded};
use super::api;

/// The way to the contents of an image of the store, whose analysis `reader` has.
pub fn contents(image: &str, reader: &Analyser) -> Callback<ContentsAsk> {
    let (image, known) = (image.to_owned(), reader.contents(0));
    Callback::from(move |ask: ContentsAsk| {
        let image = image.clone();
        match ask {
            ContentsAsk::Content {
                layer,
                path,
                start,
                length,
                reply,
            } => spawn_local(async move {
                let part = api::file_part(&image, (layer, &path), start, length).await;
                reply.emit(part.map_err(|error| error.message));
            }),
            ContentsAsk::Download { layer, path, reply } => spawn_local(async move {
                let whole = api::file_content(&image, layer, &path).await;
                reply.emit(whole.map_err(|error| error.message).map(|blob| Downloaded {
                    bytes: blob.size() as u64,
                    blob: Some(blob),
                }));
            }),
            // The analysis tells.
            versions @ ContentsAsk::Versions { .. } => known.emit(versions),
        }
    })
}
