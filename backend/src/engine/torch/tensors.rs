//! Numbers of ours into tensors of torch and back.

use tch::{Device, Kind, TchError, Tensor};

use crate::{array::Array, features::BatchInput};

/// What the module is called with: floats in its own precision, ids and masks as int64.
pub(super) fn place(input: &BatchInput, device: Device, kind: Kind) -> Result<Vec<Tensor>, TchError> {
    let place = |tensor: Tensor, shape: &[usize]| {
        let shape: Vec<i64> = shape.iter().map(|side| *side as i64).collect();
        tensor.f_reshape(shape)?.f_to(device)
    };
    Ok(match input {
        BatchInput::Rows(rows) => {
            vec![place(Tensor::f_from_slice(rows.data())?, rows.shape())?.f_to_kind(kind)?]
        }
        BatchInput::Tokens { ids, mask } => vec![
            place(Tensor::f_from_slice(ids.data())?, ids.shape())?,
            place(Tensor::f_from_slice(mask.data())?, mask.shape())?,
        ],
    })
}

/// The numbers of a tensor, rows first.
pub(super) fn read(output: &Tensor) -> Result<Array<f32>, TchError> {
    let output = output.f_to_kind(Kind::Float)?.f_to(Device::Cpu)?.f_contiguous()?;
    let mut data = vec![0.0; output.numel()];
    output.f_copy_data(&mut data, output.numel())?;
    let shape = output.size().iter().map(|side| usize::try_from(*side).unwrap_or(0)).collect();
    Array::new(shape, data).ok_or_else(|| TchError::Shape("the output has no rows".to_owned()))
}

/// Of `[rows, tokens, vocabulary]` logits those behind each row's last token; `[rows, vocabulary]` and `[rows]` are
/// already that.
pub(super) fn next_token(output: Tensor, mask: &Tensor) -> Result<Tensor, TchError> {
    match output.size().as_slice() {
        [_, _, vocabulary] => {
            let last = mask.f_sum_dim_intlist([1_i64].as_slice(), false, Kind::Int64)?.f_sub_scalar(1)?;
            let index = last.f_reshape([-1, 1, 1])?.f_expand([-1, 1, *vocabulary], false)?;
            output.f_gather(1, &index, false)?.f_squeeze_dim(1)
        }
        [_] => output.f_reshape([-1, 1]),
        _ => Ok(output),
    }
}
