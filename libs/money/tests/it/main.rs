//! The rules of money, each as a sentence.

mod amounts;
mod splits;
