//! `Debug` that names a type and shows nothing of what it holds.

macro_rules! masked {
    ($($of:ident),+ $(,)?) => {$(
        impl std::fmt::Debug for $of {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($of)).finish_non_exhaustive()
            }
        }
    )+};
}

pub(crate) use masked;
