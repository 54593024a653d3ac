//! Array maps that are seldom touched: mapped while they are, and not resident else.

use super::map::{self, map_data};
use super::mapping::Mapping;
use super::sys;
use aya::Ebpf;
use aya::maps::MapData;
use bytemuck::Pod;
use std::cell::OnceCell;
use std::io;
use std::marker::PhantomData;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Values `T` that lie side by side in array maps that were made with `BPF_F_MMAPABLE`, piece by piece. Only
/// this writes them; the programs read.
pub struct Pieces<T> {
    kind: Kind,
    /// Those that were made.
    pieces: Vec<Piece>,
    /// Values of a piece, and of all that there can be.
    of_piece: usize,
    len: usize,
    types: PhantomData<T>,
}

enum Kind {
    /// An array map: the one piece.
    Whole(MapData),
    /// An array of maps, which gets more of them when they are needed.
    Growing(MapData),
}

struct Piece {
    /// `None`: the whole map.
    map: Option<OwnedFd>,
    bytes: OnceCell<Mapping>,
}

impl<T: Pod> Pieces<T> {
    /// The array map `name` with so many values.
    pub fn whole(programs: &mut Ebpf, name: &str, len: usize) -> io::Result<Self> {
        let kind = Kind::Whole(map_data(map::take(programs, name)?)?);
        let pieces = vec![Piece { map: None, bytes: OnceCell::new() }];
        Ok(Self { kind, pieces, of_piece: len, len, types: PhantomData })
    }

    /// The array of maps `name` with room for so many of them, each an array with one value: `of_piece`
    /// times a `T`. There are none yet.
    pub fn growing(
        programs: &mut Ebpf,
        name: &str,
        maps: usize,
        of_piece: usize,
    ) -> io::Result<Self> {
        let kind = Kind::Growing(map_data(map::take(programs, name)?)?);
        let len = maps * of_piece;
        Ok(Self { kind, pieces: Vec::new(), of_piece, len, types: PhantomData })
    }

    /// How many values there can be.
    pub fn len(&self) -> usize {
        self.len
    }

    /// One of them. `None` where nothing was ever written, or memory is short.
    pub fn get(&self, index: usize) -> Option<T> {
        let bytes = self.mapped(index / self.of_piece).ok()?;
        // SAFETY: within the piece, and any bytes are a `T`.
        Some(unsafe { bytes.start::<T>().add(index % self.of_piece).read_volatile() })
    }

    /// Copies values to the places from `index` on. The programs may read meanwhile: nothing may lead
    /// them there yet.
    ///
    /// # Errors
    ///
    /// When memory is short: then some may have been written.
    ///
    /// # Panics
    ///
    /// When they do not fit.
    pub fn write(&mut self, index: usize, values: &[T]) -> io::Result<()> {
        let end = index.checked_add(values.len()).filter(|end| *end <= self.len);
        self.grow(end.expect("such a place").div_ceil(self.of_piece))?;
        let (mut index, mut values) = (index, values);
        while !values.is_empty() {
            let within = index % self.of_piece;
            let (now, later) = values.split_at(values.len().min(self.of_piece - within));
            let bytes = self.mapped(index / self.of_piece)?;
            // SAFETY: within the piece; `values` is not of it.
            unsafe {
                let place = bytes.start::<T>().add(within);
                std::ptr::copy_nonoverlapping(now.as_ptr(), place, now.len());
            }
            (index, values) = (index + now.len(), later);
        }
        std::sync::atomic::fence(std::sync::atomic::Ordering::Release);
        Ok(())
    }

    /// Has nothing of it mapped until it is touched again.
    pub fn rest(&mut self) {
        self.pieces.iter_mut().for_each(|piece| drop(piece.bytes.take()));
    }

    /// Makes pieces until there are so many.
    fn grow(&mut self, pieces: usize) -> io::Result<()> {
        while self.pieces.len() < pieces {
            let Kind::Growing(all) = &self.kind else { unreachable!("it is whole") };
            let map = sys::create_mappable_array((self.of_piece * size_of::<T>()) as u32)?;
            let number = self.pieces.len() as u32;
            sys::put_map(all.fd().as_fd(), number, map.as_fd())?;
            self.pieces.push(Piece { map: Some(map), bytes: OnceCell::new() });
        }
        Ok(())
    }

    /// A piece in memory.
    fn mapped(&self, number: usize) -> io::Result<&Mapping> {
        let piece = self.pieces.get(number).ok_or(io::ErrorKind::NotFound)?;
        if piece.bytes.get().is_none() {
            let bytes = Mapping::new(self.map(piece), 0, self.of_piece * size_of::<T>(), true)?;
            let _ = piece.bytes.set(bytes);
        }
        piece.bytes.get().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn map<'a>(&'a self, piece: &'a Piece) -> BorrowedFd<'a> {
        let (Kind::Whole(all) | Kind::Growing(all)) = &self.kind;
        piece.map.as_ref().map_or(all.fd().as_fd(), AsFd::as_fd)
    }
}
