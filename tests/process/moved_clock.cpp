// Preloaded into a real binary (LD_PRELOAD), this moves its wall clock by as many seconds as the
// file named by MOVED_CLOCK_FILE says at that moment, while its steady clock goes on: a step of the
// clock, which no test may do to the machine itself. Built without sanitizers, since it runs before
// theirs are set up; plain system calls for the same reason.

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <ctime>

namespace {

long seconds_moved() {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody writes the environment
  static const char* const kFile = std::getenv("MOVED_CLOCK_FILE");
  if (kFile == nullptr) return 0;
  const int before = errno;
  char text[32] = {};
  const long file = ::syscall(SYS_openat, AT_FDCWD, kFile, O_RDONLY | O_CLOEXEC);
  if (file >= 0) {
    ::syscall(SYS_read, file, text, sizeof text - 1);
    ::syscall(SYS_close, file);
  }
  errno = before;
  return std::strtol(text, nullptr, 10);
}

}  // namespace

extern "C" {

int clock_gettime(clockid_t clock, timespec* time) noexcept {
  const int result = static_cast<int>(::syscall(SYS_clock_gettime, clock, time));
  const bool wall = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
  if (result == 0 && wall) time->tv_sec += seconds_moved();
  return result;
}

int gettimeofday(timeval* time, void* /*zone*/) noexcept {
  timespec now{};
  const int result = clock_gettime(CLOCK_REALTIME, &now);
  *time = {now.tv_sec, now.tv_nsec / 1000};
  return result;
}

std::time_t time(std::time_t* seconds) noexcept {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  if (seconds != nullptr) *seconds = now.tv_sec;
  return now.tv_sec;
}

}  // extern "C"
