//! The one place where raw pointers become references and back.
//!
//! Everything here is safe to call on what a C program passes, **provided the program keeps the API's
//! promises**: a handle is NULL or came from this library and was not freed; a string is NULL or ends with
//! NUL; data is as long as it says; outputs can be written. What can be checked is checked: NULL, handles of
//! another type, handles of a forked parent.

#![allow(clippy::disallowed_methods, reason = "the ban in clippy.toml is for all other files")]

use std::ffi::{CStr, c_char, c_int, c_void};
use std::mem::MaybeUninit;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use zeroize::{Zeroize, Zeroizing};

use crate::fork;

pub(crate) mod pool;

/// A type that C knows by pointer only.
pub(crate) trait Opaque: Sized {
    /// What is behind the pointer.
    type Value;
    /// Stands at the beginning of every handle, and tells types apart.
    const TAG: u32;
    /// Whether the value needs the threads of the process that made it.
    const HAS_THREADS: bool = false;
}

/// Why a handle cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Misuse {
    /// It is NULL.
    Null,
    /// It is no handle of this type, or was freed.
    Foreign,
    /// It was made before the process forked.
    Forked,
}

impl Misuse {
    /// What can be said to the program; nothing about NULL.
    pub fn text(self) -> Option<String> {
        let text = match self {
            Misuse::Null => return None,
            Misuse::Foreign => "this is no such handle, or it was freed",
            Misuse::Forked => "the handle was made before the process forked",
        };
        Some(text.to_owned())
    }
}

/// What a handle points to.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Boxed<V> {
    tag: AtomicU32,
    generation: u32,
    value: V,
}

/// Hands a value to C, which gives it back through [`reclaim`].
pub(crate) fn give<O: Opaque>(value: O::Value) -> *mut O {
    let generation = if O::HAS_THREADS { fork::generation() } else { 0 };
    Box::into_raw(Box::new(Boxed { tag: AtomicU32::new(O::TAG), generation, value })).cast()
}

#[inline]
fn check<O: Opaque>(handle: Option<NonNull<O>>) -> Result<NonNull<Boxed<O::Value>>, Misuse> {
    let boxed = handle.ok_or(Misuse::Null)?.cast::<Boxed<O::Value>>();
    if !boxed.is_aligned() {
        return Err(Misuse::Foreign);
    }
    // SAFETY: the caller of the C function passes a handle of this library; all begin with a tag.
    let tag = unsafe { &(*boxed.as_ptr()).tag };
    if tag.load(Ordering::Relaxed) != O::TAG {
        return Err(Misuse::Foreign);
    }
    // SAFETY: the tag says that it is a handle of type O.
    if O::HAS_THREADS && unsafe { (*boxed.as_ptr()).generation } != fork::current() {
        return Err(Misuse::Forked);
    }
    Ok(boxed)
}

/// Looks at a value. No user code may run in `look`: it could free the handle.
#[inline]
pub(crate) fn with<O: Opaque, R>(
    handle: Option<NonNull<O>>,
    look: impl FnOnce(&O::Value) -> R,
) -> Result<R, Misuse> {
    let boxed = check(handle)?;
    // SAFETY: checked to be a live handle of type O, which the caller does not free during the call.
    Ok(look(unsafe { &(*boxed.as_ptr()).value }))
}

/// Changes a value. The caller of the C function sees to it that nobody else uses the handle meanwhile, as
/// the documentation of every setter says. No user code may run in `change`.
#[inline]
pub(crate) fn with_mut<O: Opaque, R>(
    handle: Option<NonNull<O>>,
    change: impl FnOnce(&mut O::Value) -> R,
) -> Result<R, Misuse> {
    let boxed = check(handle)?;
    // SAFETY: as above, and the caller uses it on no other thread during the call.
    Ok(change(unsafe { &mut (*boxed.as_ptr()).value }))
}

/// Clones a shared value out of its handle, so that user code may free the handle while it is used.
#[inline]
pub(crate) fn shared<O: Opaque<Value = Arc<V>>, V>(handle: Option<NonNull<O>>) -> Result<Arc<V>, Misuse> {
    with(handle, Arc::clone)
}

/// Takes a value back from C. `None` for NULL, for what is no such handle, and in a forked child, where
/// nothing may be dropped.
pub(crate) fn reclaim<O: Opaque>(handle: Option<NonNull<O>>) -> Option<O::Value> {
    let boxed = check(handle).ok()?;
    // SAFETY: checked to be a live handle of type O, and the caller gives it up. The tag is cleared first, so
    // that freeing it twice is noticed as long as the memory is not used again.
    unsafe {
        (*boxed.as_ptr()).tag.store(0, Ordering::Relaxed);
        Some(Box::from_raw(boxed.as_ptr()).value)
    }
}

/// A handle that lives as long as the process.
pub(crate) struct Static<O>(*const O);

// SAFETY: what it points to is never changed nor freed.
unsafe impl<O> Send for Static<O> {}
// SAFETY: as above.
unsafe impl<O> Sync for Static<O> {}

impl<O: Opaque> Static<O> {
    pub fn new(value: O::Value) -> Self {
        Static(give(value))
    }

    pub fn as_ptr(&self) -> *const O {
        self.0
    }
}

/// A handle that a callback may use during its calls, and that goes with its owner.
pub(crate) struct Lent<O: Opaque>(*mut O);

// SAFETY: it owns a value that may go to another thread.
unsafe impl<O: Opaque> Send for Lent<O> where O::Value: Send {}
// SAFETY: it only tells where the value is.
unsafe impl<O: Opaque> Sync for Lent<O> where O::Value: Sync {}

impl<O: Opaque> Lent<O> {
    pub fn new(value: O::Value) -> Self {
        Lent(give(value))
    }

    pub fn as_ptr(&self) -> *mut O {
        self.0
    }

    /// Takes the value back; nothing if the callback freed it, which it must not.
    pub fn take(self) -> Option<O::Value> {
        let value = reclaim(NonNull::new(self.0));
        std::mem::forget(self);
        value
    }
}

impl<O: Opaque> Drop for Lent<O> {
    fn drop(&mut self) {
        drop(reclaim(NonNull::new(self.0)));
    }
}

/// A pointer to const, as a parameter, in the form of the others.
pub(crate) fn from_const<O>(handle: *const O) -> Option<NonNull<O>> {
    NonNull::new(handle.cast_mut())
}

/// Writes an output. NULL is left alone.
pub(crate) fn write<T>(output: Option<NonNull<T>>, value: T) {
    if let Some(output) = output {
        // SAFETY: the caller of the C function passes a place that can be written.
        unsafe { output.as_ptr().write(value) };
    }
}

/// Reads a public struct. `None` for NULL.
pub(crate) fn read<T: Copy>(input: *const T) -> Option<T> {
    // SAFETY: the caller of the C function passes NULL or a valid struct.
    unsafe { input.as_ref() }.copied()
}

/// A C string without its NUL. `None` for NULL.
pub(crate) fn with_c_str<R>(text: *const c_char, look: impl FnOnce(&[u8]) -> R) -> Option<R> {
    if text.is_null() {
        return None;
    }
    // SAFETY: the caller of the C function passes a string that ends with NUL and lives during the call.
    Some(look(unsafe { CStr::from_ptr(text) }.to_bytes()))
}

/// Bytes that the caller lends for the call; none when the pointer is NULL.
#[inline]
pub(crate) fn with_bytes<R>(data: *const c_void, len: usize, look: impl FnOnce(&[u8]) -> R) -> R {
    if data.is_null() || len == 0 {
        return look(&[]);
    }
    // SAFETY: the caller of the C function passes `len` readable bytes.
    look(unsafe { std::slice::from_raw_parts(data.cast(), len) })
}

/// An array of public structs that the caller lends for the call; none when the pointer is NULL.
pub(crate) fn with_slice<T, R>(array: *const T, len: usize, look: impl FnOnce(&[T]) -> R) -> R {
    if array.is_null() || len == 0 {
        return look(&[]);
    }
    // SAFETY: the caller of the C function passes `len` valid structs.
    look(unsafe { std::slice::from_raw_parts(array, len) })
}

/// Bytes that a struct of a lent array refers to: the caller lends them as long as the array. `None` for NULL.
#[inline]
pub(crate) fn bytes_beside<T>(_array: &[T], data: *const c_void, len: usize) -> Option<&[u8]> {
    if data.is_null() {
        return None;
    }
    // SAFETY: the caller of the C function passes `len` readable bytes.
    Some(unsafe { std::slice::from_raw_parts(data.cast(), len) })
}

/// Writes one element of an array. NULL is left alone.
pub(crate) fn write_at<T>(array: Option<NonNull<T>>, index: usize, value: T) {
    if let Some(array) = array {
        // SAFETY: the caller of the C function passes an array that is longer than `index`.
        unsafe { array.as_ptr().add(index).write(value) };
    }
}

/// The largest size that a growing public struct is believed to have, in bytes.
const LARGEST_STRUCT: usize = 1 << 16;

/// A public struct that later versions add fields to, at its end.
pub(crate) trait Growing: Copy {
    /// Bytes that it had when it was published.
    const FIRST_SIZE: usize;
}

/// Whether a caller may have been compiled with a version of the struct that has `size` bytes, an older or a newer one.
pub(crate) fn is_size_of<T: Growing>(size: usize) -> bool {
    const { assert!(T::FIRST_SIZE <= size_of::<T>()) };
    (T::FIRST_SIZE..=LARGEST_STRUCT).contains(&size) && size.is_multiple_of(align_of::<T>())
}

/// Writes one element of an array of structs, each of which has `size` bytes to the caller, see [`is_size_of`]: as much
/// of the value as that takes, and zeros for fields that only the caller knows. NULL is left alone.
pub(crate) fn write_sized_at<T: Growing>(array: Option<NonNull<T>>, index: usize, size: usize, value: &T) {
    let Some(array) = array else {
        return;
    };
    let known = size.min(size_of::<T>());
    // SAFETY: the caller of the C function passes an array that is longer than `index`, of elements of `size` bytes;
    // `known` is within both an element and the value.
    unsafe {
        let element = array.as_ptr().cast::<u8>().add(index * size);
        element.write_bytes(0, size);
        std::ptr::copy_nonoverlapping(std::ptr::from_ref(value).cast(), element, known);
    }
}

/// An array of C strings that the caller lends for the call; NULL elements are skipped.
pub(crate) fn c_strs(array: *const *const c_char, len: usize) -> Vec<Vec<u8>> {
    if array.is_null() {
        return Vec::new();
    }
    // SAFETY: the caller of the C function passes `len` strings.
    let strings = unsafe { std::slice::from_raw_parts(array, len) };
    strings.iter().filter_map(|string| with_c_str(*string, <[u8]>::to_vec)).collect()
}

/// Bytes that belong to the program and that it keeps alive as long as a message refers to them:
/// `pulsar_message_set_allocated_content`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ForeignBytes {
    data: NonNull<c_void>,
    len: usize,
}

// SAFETY: the bytes are only read, and the program promised not to change or free them.
unsafe impl Send for ForeignBytes {}
// SAFETY: as above.
unsafe impl Sync for ForeignBytes {}

impl ForeignBytes {
    /// `None` for NULL.
    pub fn new(data: *mut c_void, len: usize) -> Option<Self> {
        NonNull::new(data).map(|data| ForeignBytes { data, len })
    }

    pub fn as_slice(&self) -> &[u8] {
        // SAFETY: the program keeps the bytes alive as long as the message refers to them.
        unsafe { std::slice::from_raw_parts(self.data.as_ptr().cast(), self.len) }
    }
}

/// A context pointer of the program. It is never looked at, only handed back to the program's callback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Context(*mut c_void);

// SAFETY: the program is told that its callbacks run on other threads, and that the context goes there.
unsafe impl Send for Context {}
// SAFETY: as above.
unsafe impl Sync for Context {}

impl Context {
    pub fn new(ctx: *mut c_void) -> Self {
        Context(ctx)
    }

    pub fn ptr(self) -> *mut c_void {
        self.0
    }
}

/// A C enum with a number that may be none of its constants.
pub(crate) trait CEnum: Copy {
    fn from_number(number: c_int) -> Option<Self>;
}

/// The constant that a C program passed, if it is one.
pub(crate) fn enum_value<E: CEnum>(value: MaybeUninit<E>) -> Option<E> {
    E::from_number(enum_number(value))
}

/// The number that a C program passed for an enum.
pub(crate) fn enum_number<E: CEnum>(value: MaybeUninit<E>) -> c_int {
    const { assert!(size_of::<E>() == size_of::<c_int>()) };
    // SAFETY: C passes enums as int, so all bytes are initialised; any number is a valid c_int.
    unsafe { value.as_ptr().cast::<c_int>().read() }
}

/// Bytes in memory of the C allocator, which the program frees with `free`. NULL when there is none left.
pub(crate) fn malloc_bytes(bytes: &[u8]) -> *mut c_void {
    // SAFETY: malloc takes any size, and 0 is rounded up so that NULL means failure.
    let memory = unsafe { libc::malloc(bytes.len().max(1)) };
    if !memory.is_null() {
        // SAFETY: the memory is new and at least as long.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), memory.cast(), bytes.len()) };
    }
    memory
}

/// The same for a string, with NUL at its end.
pub(crate) fn malloc_text(text: &str) -> *mut c_char {
    malloc_bytes(&[text.as_bytes(), &[0]].concat()).cast()
}

/// Takes over a string from `malloc`: returns its bytes, overwrites it and frees it. `None` for NULL.
pub(crate) fn take_malloced_text(text: *mut c_char) -> Option<Zeroizing<Vec<u8>>> {
    let bytes = with_c_str(text, |bytes| Zeroizing::new(bytes.to_vec()))?;
    // SAFETY: the program's function returned a string of this length from malloc, and gives it up.
    unsafe {
        std::slice::from_raw_parts_mut(text.cast::<u8>(), bytes.len()).zeroize();
        libc::free(text.cast());
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Apple;
    impl Opaque for Apple {
        type Value = Arc<String>;
        const TAG: u32 = 1;
    }

    struct Pear;
    impl Opaque for Pear {
        type Value = u8;
        const TAG: u32 = 2;
    }

    #[test]
    fn handles_are_told_apart() {
        let apple: *mut Apple = give(Arc::new("apple".into()));
        assert_eq!(*shared(NonNull::new(apple)).unwrap(), "apple");
        assert_eq!(with(NonNull::new(apple.cast::<Pear>()), |_| ()), Err(Misuse::Foreign));
        assert_eq!(with(None::<NonNull<Pear>>, |_| ()), Err(Misuse::Null));
        assert!(reclaim(NonNull::new(apple.cast::<Pear>())).is_none());
        assert_eq!(*reclaim(NonNull::new(apple)).unwrap(), "apple");
        assert!(reclaim(None::<NonNull<Apple>>).is_none());
    }

    impl Growing for [u64; 2] {
        const FIRST_SIZE: usize = 8;
    }

    #[test]
    fn structs_may_have_grown_on_either_side() {
        let mut newer = [[7u64; 3]; 2];
        for index in 0..2 {
            let place = NonNull::from(&mut newer).cast::<[u64; 2]>();
            write_sized_at(Some(place), index, 24, &[1, 2]);
        }
        assert_eq!(newer, [[1, 2, 0]; 2]);
        let mut older = [[7u64; 1]; 2];
        write_sized_at(Some(NonNull::from(&mut older).cast::<[u64; 2]>()), 0, 8, &[1, 2]);
        assert_eq!(older, [[1], [7]]);
        let sizes = [0, 4, 8, 16, 20, 24, usize::MAX - 7];
        let known = sizes.map(is_size_of::<[u64; 2]>);
        assert_eq!(known, [false, false, true, true, false, true, false]);
    }

    #[test]
    fn texts_and_bytes() {
        assert_eq!(with_c_str(c"x".as_ptr(), <[u8]>::to_vec), Some(b"x".to_vec()));
        assert_eq!(with_c_str(std::ptr::null(), |_| ()), None);
        assert_eq!(with_bytes(std::ptr::null(), 3, <[u8]>::len), 0);
        assert_eq!(c_strs([c"a".as_ptr(), std::ptr::null(), c"b".as_ptr()].as_ptr(), 3), [b"a", b"b"]);
        let text = malloc_text("hello");
        assert_eq!(with_c_str(text, <[u8]>::to_vec), Some(b"hello".to_vec()));
        assert_eq!(take_malloced_text(text).unwrap().as_slice(), b"hello");
        assert!(take_malloced_text(std::ptr::null_mut()).is_none());
    }
}
