//! `zx_vmar_op_range` (vmar.md §11).

use super::objects::{Held, Kind};
use super::state::Model;
use super::vmar::Piece;
use super::{Outcome, PAGE, Trial, require};
use jacinth_abi::{Rights, Status};

const COMMIT: u32 = 1;
const DECOMMIT: u32 = 2;
const MAP_RANGE: u32 = 3;
const ZERO: u32 = 10;
const DONT_NEED: u32 = 12;
const ALWAYS_NEED: u32 = 13;
const PREFETCH: u32 = 14;
const MAY_READ: u32 = 1;
const MAY_WRITE: u32 = 2;

impl Model {
    /// The steps are those of vmar.md §11; what is before a gap is done.
    pub(super) fn vmar_op_range(&mut self, t: &Trial) -> Outcome {
        let held = self.lookup_vmar(t.u32(0), Rights::empty())?;
        let op = t.u32(1);
        let known = [
            COMMIT,
            DECOMMIT,
            MAP_RANGE,
            ZERO,
            DONT_NEED,
            ALWAYS_NEED,
            PREFETCH,
        ];
        require(known.contains(&op), Status::INVALID_ARGS)?;
        require(t.u64(4) == 0 && t.u64(5) == 0, Status::INVALID_ARGS)?;
        let (start, end) = self.op_range(held.object, t.u64(2), t.u64(3))?;
        let mut reached = start;
        for piece in self.pieces(held.object, start, end) {
            require(piece.start == reached, Status::BAD_STATE)?;
            reached = piece.end;
            // What is before a failure is done: stretch by stretch of equal permissions.
            for stretch in self.stretches(piece) {
                self.op_on(t, held, stretch, op)?;
            }
        }
        require(reached == end, Status::BAD_STATE)
    }

    /// A piece cut where permissions change.
    pub(super) fn stretches(&self, piece: Piece) -> Vec<Piece> {
        let flags = &self.mapping(piece).pages[piece.pages()];
        let mut start = piece.start;
        let chunks = flags.chunk_by(|a, b| a == b);
        chunks
            .map(|chunk| {
                let end = start + chunk.len() as u64 * PAGE;
                let stretch = Piece {
                    start,
                    end,
                    ..piece
                };
                start = end;
                stretch
            })
            .collect()
    }

    /// Steps 9 to 11 for one mapping.
    fn op_on(&mut self, t: &Trial, held: Held, piece: Piece, op: u32) -> Outcome {
        let is_strict = matches!(op, COMMIT | DECOMMIT | PREFETCH);
        let may_inside = !is_strict && held.rights.contains(Rights::OP_CHILDREN);
        let is_direct = piece.vmar == held.object;
        require(is_direct || may_inside, Status::INVALID_ARGS)?;
        let mapping = self.mapping(piece);
        let needed = match op {
            COMMIT | DECOMMIT | ZERO => MAY_WRITE,
            PREFETCH => MAY_READ,
            _ => 0,
        };
        require(mapping.may & needed == needed, Status::ACCESS_DENIED)?;
        let (vmo, is_bounded) = (mapping.vmo, mapping.is_bounded);
        let offset = mapping.offset.saturating_add(piece.start - piece.mapping);
        let size = piece.end - piece.start;
        let end = offset.saturating_add(size);
        let is_inside = end <= self.size(vmo);
        let stream = self.vmo(self.sized(vmo)).stream;
        let is_bounded = is_bounded
            && stream
                .checked_next_multiple_of(PAGE)
                .is_some_and(|stream| end > stream);
        require(!is_bounded, Status::OUT_OF_RANGE)?;
        let (root, _) = self.holder(vmo, 0);
        let is_physical = matches!(self.vmo(root).kind, Kind::Physical(_));
        let mut flags = mapping.pages[piece.pages()].iter();
        let can_map = flags.all(|flags| self.can_map(vmo, u32::from(*flags)));
        match op {
            MAP_RANGE | COMMIT if !can_map && t.was(Status::INVALID_ARGS) => {
                // The pages may be there by now, the entries cannot be.
                self.hint(vmo, offset, size);
                Err(Status::INVALID_ARGS)
            }
            COMMIT | DECOMMIT | ZERO if is_physical => Err(Status::NOT_SUPPORTED),
            COMMIT => self.commit(vmo, offset, size),
            DECOMMIT => self.decommit(t, vmo, offset, size),
            ZERO => self.zero(vmo, offset, size),
            PREFETCH => {
                require(is_inside, Status::OUT_OF_RANGE)?;
                self.hint(vmo, offset, size);
                Ok(())
            }
            _ => Ok(()),
        }
    }
}
