// The code that only a start needs (reading flags and YAML, relocating the libraries' start) stays
// resident for as long as nobody asks for the memory: about a third of this small process. The
// sidecar gives it back once it runs, since it is paid for on every inference pod.

#pragma once

namespace leadline {

// Lets go of the resident pages of executable code, which come back from the page cache when they
// are next run, and of the heap's free end. Costs some hundred microseconds, once.
void release_startup_memory();

}  // namespace leadline
