//! The file tree of the layer that is chosen, made by the worker when it is.

use yew::prelude::*;

use crate::services::analyser::TreeAsk;
use crate::state::by_address::ByAddress;
use crate::state::summary::Summary;
use crate::state::tree::Tree;

/// A tree that came, or why it did not.
#[derive(Clone, PartialEq)]
pub struct TreeOf {
    /// The layer that it is of, by index; none for the merged image.
    pub layer: Option<usize>,
    /// The tree.
    pub tree: Result<ByAddress<Tree>, String>,
}

/// Asks for the tree of a layer whenever another image or layer is chosen. Until it is here the one before it stays, which
/// says whose it is; `None` before the first of an image.
#[hook]
pub fn use_tree(
    image: ByAddress<Summary>,
    layer: Option<usize>,
    trees: Callback<TreeAsk>,
) -> Option<TreeOf> {
    let shown = use_state(|| None::<(ByAddress<Summary>, TreeOf)>);
    // An answer that comes after a newer question was asked is not shown.
    let newest = use_mut_ref(|| 0u32);
    {
        let shown = shown.setter();
        use_effect_with((image.clone(), layer), move |(image, layer)| {
            *newest.borrow_mut() += 1;
            let number = *newest.borrow();
            let (image, layer) = (image.clone(), *layer);
            let reply = Callback::from(move |tree| {
                if *newest.borrow() == number {
                    shown.set(Some((image.clone(), TreeOf { layer, tree })));
                }
            });
            trees.emit(TreeAsk { layer, reply });
        });
    }
    shown
        .as_ref()
        .filter(|(of, _)| *of == image)
        .map(|(_, tree)| tree.clone())
}
