// The exit status of every binary, in one place: scripts and tests tell failures apart by it.

#pragma once

#include "base/result.h"

namespace leadline {

enum ExitCode : int {
  kExitOk = 0,
  kExitFailure = 1,      // anything without a code of its own
  kExitBadConfig = 2,    // the operator must change something
  kExitUnavailable = 3,  // a peer does not answer, or an address is taken
  kExitBadInput = 4,     // a peer or a file said what we cannot read
  kExitNotFound = 5,     // asked for something that does not exist
  kExitInternalError =
      70,  // a bug: an exception reached the top of a thread (sysexits: EX_SOFTWARE)
};

// How a process that fails with `code` exits.
[[nodiscard]] constexpr int exit_code(Errc code) {
  switch (code) {
    case Errc::kBadConfig:
      return kExitBadConfig;
    case Errc::kBadInput:
      return kExitBadInput;
    case Errc::kUnavailable:
      return kExitUnavailable;
    case Errc::kNotFound:
      return kExitNotFound;
    case Errc::kStale:
      return kExitUnavailable;
  }
  return kExitFailure;
}

}  // namespace leadline
