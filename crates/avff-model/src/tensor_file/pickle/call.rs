//! Interprets the calls with which PyTorch describes tensors. No call is executed.

use super::value::{Arena, Id, Object, TensorValue, Value};

/// Returns the value that describes a call. `copies` limits how many items of a list become
/// entries of a dict, because a short instruction can repeat such a call.
pub(super) fn describe(arena: &Arena, class: Id, arguments: Id, copies: &mut usize) -> Value {
    let object =
        || Value::Object(Box::new(Object { class, arguments, state: None, items: Vec::new() }));
    let Some(global) = arena.global(class) else { return object() };
    match (global, arena.items(arguments)) {
        (("collections", "OrderedDict"), []) => Value::Dict(Vec::new()),
        // Python 2 passes the entries as a list of pairs.
        (("collections", "OrderedDict"), &[list]) => {
            let pairs = arena.items(list);
            *copies = copies.saturating_sub(pairs.len());
            if *copies == 0 {
                return Value::Opaque;
            }
            let pair = |&id: &Id| match *arena.items(id) {
                [key, value] => Some((key, value)),
                _ => None,
            };
            pairs.iter().map(pair).collect::<Option<_>>().map_or_else(object, Value::Dict)
        }
        (("torch._tensor" | "torch.tensor", name), &[function, _, inner, ..])
            if name.starts_with("_rebuild_from_type") =>
        {
            match arena.global(function) {
                Some(function) => tensor(arena, function, inner).unwrap_or_else(object),
                None => object(),
            }
        }
        (global, _) => tensor(arena, global, arguments).unwrap_or_else(object),
    }
}

/// Returns the tensor that one of PyTorch's functions describes.
fn tensor(arena: &Arena, global: (&str, &str), arguments: Id) -> Option<Value> {
    match (global, arena.items(arguments)) {
        (
            (
                "torch._utils",
                name @ ("_rebuild_tensor" | "_rebuild_tensor_v2" | "_rebuild_tensor_v3"),
            ),
            &[storage, offset, shape, stride, ..],
        ) => {
            let separate_dtype = name == "_rebuild_tensor_v3";
            let parts = TensorValue { storage, offset, shape, stride, separate_dtype };
            Some(Value::Tensor(Box::new(parts)))
        }
        (
            ("torch._utils", "_rebuild_parameter" | "_rebuild_parameter_with_state"),
            &[tensor, ..],
        ) => match arena.get(tensor) {
            tensor @ Value::Tensor(_) => Some(tensor.clone()),
            _ => None,
        },
        _ => None,
    }
}
