//! Timers, clocks, sleeping, random numbers, and handles of events (tables K and L).

use crate::env::Env;
use crate::ipc_kit::{bad_handles, channel, event, gone, port, port_wait, timer, wait_async};
use crate::kit::{self, H, basic, info, signal, state, wait};
use crate::{
    Outcome, Scenario,
    check::{fails, holds, ok, same},
};
use alloc::vec;
use jacinth_abi::{ObjectType, Rights, Signals, Status, TimerInfo, Topic};
use zx::Address;
use zx::sys::{self, Output};

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "timer_create",
        rows: &[
            "ipc:286", "ipc:287", "ipc:288", "ipc:289", "ipc:297", "ipc:298", "ipc:299",
        ],
        run: create,
    },
    Scenario {
        name: "timer_set",
        rows: &["ipc:291", "ipc:292", "ipc:293", "ipc:300"],
        run: set,
    },
    Scenario {
        name: "clocks",
        rows: &["ipc:301", "ipc:302", "ipc:303", "ipc:305", "ipc:306"],
        run: clocks,
    },
    Scenario {
        name: "cprng_draw",
        rows: &["ipc:307"],
        run: random,
    },
    Scenario {
        name: "handles_of_events",
        rows: &[
            "ipc:308", "ipc:309", "ipc:310", "ipc:312", "ipc:313", "ipc:316", "ipc:317", "ipc:318",
        ],
        run: handles,
    },
];

const SIGNALED: Signals = Signals::TIMER_SIGNALED;
const NONE: Signals = Signals::empty();

fn create(env: &mut Env) -> Outcome {
    for (options, clock) in [(0, 0), (2, 1)] {
        let mut out = [0; 4];
        ok(sys::timer_create(options, clock, &mut out))?;
        let timer = H::from_value(u32::from_le_bytes(out));
        let told = ok(basic(timer.value()))?;
        same(told.object_type, ObjectType::Timer.number())?;
        same((told.rights, told.related_koid), (0xD00B, 0))?;
        same(state(&timer)?, NONE)?;
        let told: TimerInfo = ok(info(timer.value(), Topic::TIMER))?;
        same((told.options, told.clock_id), (options, clock))?;
    }
    for (options, clock) in [(0, 2), (0, u32::MAX), (3, 0), (u32::MAX, 1)] {
        let answer = sys::timer_create(options, clock, &mut [0; 4]);
        fails(answer, Status::INVALID_ARGS)?;
    }
    fails(sys::timer_create(0, 0, Address::NULL), Status::INVALID_ARGS)?;
    fails(sys::timer_set(0, 0, -1), Status::OUT_OF_RANGE)?;
    for bad in bad_handles()? {
        fails(sys::timer_set(bad, 0, 0), Status::BAD_HANDLE)?;
        fails(sys::timer_cancel(bad), Status::BAD_HANDLE)?;
    }
    let event = event()?;
    fails(sys::timer_set(event.value(), 0, 0), Status::WRONG_TYPE)?;
    let timer = timer()?;
    ok(sys::timer_cancel(timer.value()))?;
    let weak = env.without(&timer, Rights::WRITE)?;
    fails(sys::timer_set(weak.value(), 0, 0), Status::ACCESS_DENIED)?;
    fails(sys::timer_cancel(weak.value()), Status::ACCESS_DENIED)?;
    fails(signal(timer.value(), NONE, SIGNALED), Status::INVALID_ARGS)
}

fn set(_env: &mut Env) -> Outcome {
    let timer = timer()?;
    for past in [-1, i64::MIN, 0, ok(kit::now())?] {
        ok(sys::timer_set(timer.value(), past, 0))?;
        same(wait(timer.value(), SIGNALED, 0), (Ok(()), SIGNALED))?;
        ok(sys::timer_cancel(timer.value()))?;
        same(
            wait(timer.value(), SIGNALED, 0),
            (Err(Status::TIMED_OUT), NONE),
        )?;
    }
    let told = || info::<TimerInfo>(timer.value(), Topic::TIMER);
    let port = port()?;
    for slack in [0, 5_000_000] {
        let then = ok(kit::now())?.saturating_add(20_000_000);
        ok(sys::timer_set(timer.value(), then, slack))?;
        same(state(&timer)?, NONE)?;
        same((ok(told())?.deadline, ok(told())?.slack), (then, slack))?;
        ok(wait_async(&timer, &port, 2, SIGNALED, 1))?;
        let (answer, word) = wait(timer.value(), SIGNALED, i64::MAX);
        ok(answer)?;
        same(word, SIGNALED)?;
        holds(ok(kit::now())? >= then - slack, "not early")?;
        same(ok(port_wait(&port, 0))?.key, 2)?;
        same((ok(told())?.deadline, ok(told())?.slack), (0, 0))?;
    }
    let later = ok(kit::now())?.saturating_add(1_000_000_000_000);
    ok(sys::timer_set(timer.value(), later, 7))?;
    same(state(&timer)?, NONE)?;
    ok(sys::timer_cancel(timer.value()))?;
    same((ok(told())?.deadline, ok(told())?.slack), (0, 0))?;
    ok(sys::timer_set(timer.value(), i64::MAX, 0))?;
    drop(timer);
    Ok(())
}

fn clocks(env: &mut Env) -> Outcome {
    let read = |call: fn(&mut [u8; 8]) -> sys::Answer| -> Result<i64, Status> {
        let mut now = [0; 8];
        call(&mut now).map(|()| i64::from_le_bytes(now))
    };
    let mut last = [0; 3];
    for _ in 0..env.rounds(100, 5) {
        let now = [
            ok(read(|now| sys::clock_get_monotonic(now)))?,
            ok(read(|now| sys::clock_get_boot(now)))?,
            ok(read(|now| sys::ticks_get(now)))?,
        ];
        holds(now.iter().all(|now| *now > 0), "clocks are positive")?;
        holds(
            now.iter().zip(last).all(|(now, last)| *now >= last),
            "clocks go on",
        )?;
        last = now;
        ok(sys::nanosleep(now[0].saturating_add(1000)))?;
    }
    holds(sys::ticks_per_second() > 0, "ticks go on")?;
    fails(sys::clock_get_boot(Address::NULL), Status::INVALID_ARGS)?;
    for past in [0, -1, i64::MIN] {
        ok(sys::nanosleep(past))?;
    }
    let then = ok(kit::now())?.saturating_add(10_000_000);
    ok(sys::nanosleep(then))?;
    holds(ok(kit::now())? >= then, "not early")?;
    let hour = zx::time::after_ns(3600 * zx::time::SECOND_NS);
    holds(hour > ok(kit::now())?, "it lies ahead")?;
    same(zx::time::after_ns(i64::MAX - 100), i64::MAX)?;
    holds(zx::time::after_ns(i64::MIN) < 0, "it lies behind")
}

fn random(env: &mut Env) -> Outcome {
    let (mut one, mut two) = ([0; 256], [0; 256]);
    for len in [0, 1, 256] {
        ok(sys::cprng_draw(Output::Here(&mut one[..len])))?;
    }
    ok(sys::cprng_draw(Output::Here(&mut two)))?;
    holds(one != two, "two draws differ")?;
    for len in [257, 4096] {
        let mut bytes = vec![0; len];
        zx::fill_random(&mut bytes);
        let is_filled = bytes
            .chunks(64)
            .all(|piece| piece.len() < 64 || piece.iter().any(|byte| *byte != 0));
        holds(is_filled, "all of it is filled")?;
    }
    let answer = sys::cprng_draw(Output::Here(&mut [0; 257]));
    fails(answer, Status::INVALID_ARGS)?;
    let page = kit::unmapped_page(env)?;
    fails(sys::cprng_draw(Output::At(page, 8)), Status::INVALID_ARGS)
}

fn handles(_env: &mut Env) -> Outcome {
    ok(sys::handle_close(0))?;
    let closed = kit::closed_handle()?;
    fails(sys::handle_close(closed), Status::BAD_HANDLE)?;
    let source = event()?;
    for bits in [1, 2, 3] {
        gone(source.value() ^ bits)?;
    }
    let (e1, e2) = (event()?.into_value(), event()?.into_value());
    fails(kit::close_many(&[e1, closed, e2]), Status::BAD_HANDLE)?;
    gone(e1)?;
    gone(e2)?;
    let e = event()?.into_value();
    fails(kit::close_many(&[e, e]), Status::BAD_HANDLE)?;
    gone(e)?;
    let single = ok(kit::duplicate(source.value(), Rights::WAIT.bits()))?;
    let again = kit::duplicate(single.value(), Rights::SAME_RIGHTS);
    fails(again, Status::ACCESS_DENIED)?;
    let value = single.into_value();
    let more = (Rights::WAIT | Rights::READ).bits();
    fails(kit::replace(value, more), Status::INVALID_ARGS)?;
    gone(value)?;
    let none = ok(kit::duplicate(source.value(), 0))?;
    fails(signal(none.value(), NONE, SIGNALED), Status::ACCESS_DENIED)?;
    fails(wait(none.value(), SIGNALED, 0).0, Status::ACCESS_DENIED)?;
    let (a, _b) = channel()?;
    let sent = crate::ipc_kit::write(&a, b"", &[none.into_value()]);
    fails(sent, Status::ACCESS_DENIED)
}
