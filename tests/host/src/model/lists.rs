//! The topic of `zx_object_get_info` that lists what a region holds (vmar.md §12.2, §12.3).

use super::handle::padded;
use super::objects::{Id, Region};
use super::state::Model;
use super::vmar::Piece;
use super::{Outcome, PAGE, Trial};
use jacinth_abi::{MapsInfo, MapsMapping, Record, Rights, Status};

const RECORD: usize = 152;

impl Model {
    /// Regions and mappings depth first, by address; a mapping has a record for each stretch of
    /// equal permissions.
    pub(super) fn vmar_maps(&mut self, t: &Trial) -> Outcome {
        let held = self.lookup_vmar(t.u32(0), Rights::INSPECT)?;
        if !self.vmar(held.object).is_alive && t.was(Status::BAD_STATE) {
            return Err(Status::BAD_STATE);
        }
        let room = usize::try_from(t.u64(3)).unwrap_or(usize::MAX) / RECORD;
        let told: Vec<MapsInfo> = match &t.outs[2] {
            Some(out) => out.chunks_exact(RECORD).map(MapsInfo::from_bytes).collect(),
            None => Vec::new(),
        };
        // From where depth is counted is nowhere said.
        let depth = told.first().map_or(0, |first| first.depth);
        let mut records = Vec::new();
        self.list_region(held.object, depth, &told, &mut records);
        let bytes: Vec<u8> = records
            .iter()
            .take(room)
            .flat_map(|record| record.to_bytes())
            .collect();
        if !bytes.is_empty() {
            self.write(t, 2, &bytes)?;
        }
        let actual = records.len().min(room) as u64;
        for (arg, count) in [(4, actual), (5, records.len() as u64)] {
            if t.u64(arg) != 0 {
                self.write(t, arg, &count.to_le_bytes())?;
            }
        }
        Ok(())
    }

    fn list_region(&mut self, id: Id, depth: u64, told: &[MapsInfo], into: &mut Vec<MapsInfo>) {
        let vmar = self.vmar(id);
        let told_here = told.get(into.len()).copied().unwrap_or_default();
        into.push(MapsInfo {
            // What a region is called is the kernel's affair.
            name: told_here.name,
            base: vmar.base,
            size: vmar.size,
            depth,
            maps_type: MapsInfo::TYPE_VMAR,
            mapping: MapsMapping::default(),
        });
        for (at, region) in vmar.children.clone() {
            match region {
                Region::Vmar(inner) => self.list_region(inner, depth + 1, told, into),
                Region::Mapping(mapping) => {
                    let whole = Piece {
                        vmar: id,
                        mapping: at,
                        start: at,
                        end: at + mapping.size(),
                    };
                    for piece in self.stretches(whole) {
                        let told = told.get(into.len()).copied().unwrap_or_default();
                        let record = self.list_piece(piece, depth + 1, &told);
                        into.push(record);
                    }
                }
                // What the process has of its own is as the kernel says: a page of code, or a
                // stack with its guard.
                Region::Foreign(bytes) => {
                    for _ in 0..if bytes == PAGE { 1 } else { 2 } {
                        into.push(told.get(into.len()).copied().unwrap_or_default());
                    }
                }
            }
        }
    }

    fn list_piece(&mut self, piece: Piece, depth: u64, told: &MapsInfo) -> MapsInfo {
        let mapping = self.mapping(piece);
        let vmo = mapping.vmo;
        let flags = mapping.pages.get(piece.pages().start).copied();
        let vmo_offset = mapping.offset + (piece.start - piece.mapping);
        let is_told = *told != MapsInfo::default();
        let vmo_koid = self.koid(vmo, is_told.then_some(told.mapping.vmo_koid));
        MapsInfo {
            name: padded(&self.objects[&vmo].name),
            base: piece.start,
            size: piece.end - piece.start,
            depth,
            maps_type: MapsInfo::TYPE_MAPPING,
            mapping: MapsMapping {
                mmu_flags: flags.unwrap_or(0).into(),
                vmo_koid,
                vmo_offset,
                // What is committed is looked at through the VMO.
                ..told.mapping
            },
        }
    }
}
