//! Replaces the prepared CPU weights without feature `flex`, where no such weight exists.

use burn::prelude::*;

/// A packed weight.
#[derive(Debug, Clone)]
pub(crate) enum Packed {}

/// A weight quantized to bytes.
#[derive(Debug, Clone)]
pub(crate) enum Int8 {}

impl Packed {
    pub(crate) fn new<B: Backend>(_: Tensor<B, 2>) -> Option<Self> {
        None
    }

    pub(crate) fn bf16<B: Backend>(_: Tensor<B, 2>) -> Option<Self> {
        None
    }

    pub(crate) fn product<B: Backend>(&self, _: Tensor<B, 2>) -> Tensor<B, 2> {
        match *self {}
    }

    pub(crate) fn with_bias<B: Backend>(&self, _: Tensor<B, 2>, _: Tensor<B, 1>) -> Tensor<B, 2> {
        match *self {}
    }

    pub(crate) fn gelu<B: Backend>(&self, _: Tensor<B, 2>, _: Tensor<B, 1>) -> Tensor<B, 2> {
        match *self {}
    }

    pub(crate) fn skip<B: Backend>(
        &self,
        _: Tensor<B, 2>,
        _: Tensor<B, 2>,
        _: Tensor<B, 1>,
    ) -> Tensor<B, 2> {
        match *self {}
    }
}

impl Int8 {
    pub(crate) fn new<B: Backend>(_: Tensor<B, 2>) -> Option<Self> {
        None
    }

    pub(crate) fn product<B: Backend>(&self, _: Tensor<B, 2>) -> Tensor<B, 2> {
        match *self {}
    }
}
