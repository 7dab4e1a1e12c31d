//! The prober against servers: a sound one, and many that are not.

mod addresses;
mod card;
mod checks;
mod faulty;
mod shared;
mod sound;
