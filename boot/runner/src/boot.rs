//! `run`: from the command line to the verdict.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Instant;

use jacinth_abi::ExitCode;

use crate::arch::Arch;
use crate::archive::{self, Archive, INIT};
use crate::cargo;
use crate::console::{Console, Names};
use crate::failure::{BAD_INPUT, Failure};
use crate::gdb;
use crate::machine;
use crate::options::{Building, Debugger, Options, Profile};
use crate::place::Place;
use crate::program;
use crate::qemu::{self, Images};

/// Boots once and returns how it ended.
pub(crate) fn run(options: &Options, place: &Place) -> Result<ExitCode, Failure> {
    let arch = options.arch.unwrap_or(Arch::X86_64);
    let contents = Contents::choose(options, place, arch)?;
    if options.building == Building::UpToDate {
        build(options, place, arch, &contents)?;
    }
    let kernel = match &options.kernel {
        Some(kernel) => kernel.clone(),
        None => place.built(arch.kernel_target(), options.profile, cargo::KERNEL),
    };
    let archive = contents.pack(place, arch)?;
    let qemu_log = options
        .qemu_log
        .clone()
        .unwrap_or_else(|| place.images_of(arch).join("qemu.log"));
    prepare_log(&qemu_log)?;
    let images = Images {
        kernel: loadable(&kernel, place, arch, options.profile)?,
        archive: archive.path.clone(),
        qemu_log,
    };

    let command = qemu::command(arch, options, &images)?;
    let spelled_out = qemu::spelled_out(&command);
    let log = options.log.as_deref().map(create).transpose()?;
    let companions = contents.companions();
    let mut names = Names::new(&kernel, contents.init(), &companions);
    let mut console = Console::new(log, |trace| names.describe(trace));
    let start = Instant::now();
    let code = match options.debugger {
        Debugger::None => machine::run(arch, command, options.time_limit(), &mut console)?,
        Debugger::Gdb => {
            let gdb = gdb::announce(arch, &kernel, contents.init());
            machine::debug(arch, command, gdb, &mut console)?
        }
    };
    machine::report(code, start.elapsed(), &spelled_out, &images.qemu_log);
    Ok(code)
}

/// What goes into the boot archive.
enum Contents {
    /// Somebody else's archive.
    Ready(PathBuf),
    /// A user program of the workspace.
    Program {
        name: String,
        file: PathBuf,
        folder: Option<PathBuf>,
        profile: Profile,
    },
    /// A user's own program.
    Own {
        file: PathBuf,
        folder: Option<PathBuf>,
    },
}

impl Contents {
    fn choose(options: &Options, place: &Place, arch: Arch) -> Result<Self, Failure> {
        let folder = options.bootfs.clone();
        if let Some(archive) = &options.archive {
            fs::metadata(archive).map_err(|error| Failure::input(archive, error))?;
            return Ok(Self::Ready(archive.clone()));
        }
        if let Some(folder) = &folder
            && !folder.is_dir()
        {
            return Err(Failure::input(folder, "not a folder"));
        }
        let own = options.init.clone().or_else(|| {
            let packed = folder.as_ref()?.join(INIT);
            (options.program.is_none() && packed.exists()).then_some(packed)
        });
        if let Some(file) = own {
            // Fails early: a build takes longer than this look.
            program::read_init(&file, arch)?;
            return Ok(Self::Own { file, folder });
        }
        let name = options.program_name().to_owned();
        let file = place.built(arch.user_target(), options.profile, &name);
        Ok(Self::Program {
            name,
            file,
            folder,
            profile: options.profile,
        })
    }

    /// The workspace's program to build, if any.
    fn to_build(&self) -> Option<&str> {
        match self {
            Self::Program { name, .. } => Some(name),
            Self::Ready(_) | Self::Own { .. } => None,
        }
    }

    /// The programs that a program of the workspace starts: names and files.
    fn companions(&self) -> Vec<(&'static str, PathBuf)> {
        let Self::Program { name, file, .. } = self else {
            return Vec::new();
        };
        let names = cargo::companions(name).iter();
        names
            .map(|name| (*name, file.with_file_name(name)))
            .collect()
    }

    /// The file that becomes `init`, as far as it is known.
    fn init(&self) -> Option<&Path> {
        match self {
            Self::Ready(_) => None,
            Self::Program { file, .. } | Self::Own { file, .. } => Some(file),
        }
    }

    /// Writes the archive.
    fn pack(&self, place: &Place, arch: Arch) -> Result<PackedArchive, Failure> {
        let (file, folder, shared) = match self {
            Self::Ready(path) => {
                return Ok(PackedArchive {
                    path: path.clone(),
                    is_temporary: false,
                });
            }
            Self::Program {
                name,
                file,
                folder: None,
                profile,
            } => (file, &None, Some(format!("{name}-{}", profile.name()))),
            Self::Program { file, folder, .. } | Self::Own { file, folder } => (file, folder, None),
        };
        let mut archive = Archive::default();
        archive.add(INIT, &program::read_init(file, arch)?)?;
        let files = folder.as_deref().map(archive::files_below).transpose()?;
        let files = files.unwrap_or_default();
        for (name, path) in self.companions() {
            // Who packs a file of that name wants that.
            if !files.iter().any(|(packed, _)| packed == name) {
                archive.add(name, &program::read_init(&path, arch)?)?;
            }
        }
        for (name, path) in files.iter().filter(|(name, _)| name != INIT) {
            let contents = fs::read(path).map_err(|error| Failure::input(path, error))?;
            archive.add(name, &contents)?;
        }
        // Several runners may be at work: what one of them alone wants gets a name of its own.
        let is_temporary = shared.is_none();
        let name = shared.unwrap_or_else(|| format!("own-{}", std::process::id()));
        let path = place.images_of(arch).join(format!("{name}.cpio"));
        let mut bytes = archive.finish();
        archive::leave_last_page(&mut bytes);
        archive::write_atomically(&path, &bytes).map_err(|error| Failure::input(&path, error))?;
        Ok(PackedArchive { path, is_temporary })
    }
}

/// A boot archive on disk.
struct PackedArchive {
    path: PathBuf,
    is_temporary: bool,
}

impl Drop for PackedArchive {
    fn drop(&mut self) {
        if self.is_temporary {
            fs::remove_file(&self.path).ok();
        }
    }
}

fn build(options: &Options, place: &Place, arch: Arch, contents: &Contents) -> Result<(), Failure> {
    match (&options.kernel, contents.to_build()) {
        (Some(_), None) => Ok(()),
        (_, program) => cargo::build(place, arch, options.profile, program),
    }
}

/// The kernel in the form that QEMU wants: the ELF file itself on x86, a raw image on Arm.
fn loadable(
    kernel: &Path,
    place: &Place,
    arch: Arch,
    profile: Profile,
) -> Result<PathBuf, Failure> {
    if arch == Arch::X86_64 {
        fs::metadata(kernel).map_err(|error| Failure::input(kernel, error))?;
        return Ok(kernel.to_path_buf());
    }
    let bytes = fs::read(kernel).map_err(|error| Failure::input(kernel, error))?;
    let image = program::flatten(&bytes).map_err(|reason| Failure::input(kernel, reason))?;
    let stem = kernel
        .file_stem()
        .and_then(|stem| stem.to_str())
        .unwrap_or("kernel");
    let path = place
        .images_of(arch)
        .join(format!("{stem}-{}.img", profile.name()));
    archive::write_atomically(&path, &image).map_err(|error| Failure::input(&path, error))?;
    Ok(path)
}

/// Empties QEMU's log, so that an old one is not mistaken for this run's.
fn prepare_log(path: &Path) -> Result<(), Failure> {
    create(path).map(drop)
}

fn create(path: &Path) -> Result<File, Failure> {
    if let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        fs::create_dir_all(folder)
            .map_err(|error| Failure::new(BAD_INPUT, format!("{}: {error}", folder.display())))?;
    }
    File::create(path).map_err(|error| Failure::input(path, error))
}
