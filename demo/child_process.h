// ChildProcess is one program that the demo started: it ends with the demo, whatever happens (the
// kernel signals it when its parent dies), and what it prints goes to a log file, which is also
// where it says what it listens on. Owned by one thread.

#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace leadline {

// The path of a program on PATH or in /usr/bin; nullopt: there is none.
[[nodiscard]] std::optional<std::string> find_program(const std::string& name);

class ChildProcess {
 public:
  struct Command {
    std::string program;                   // path
    std::vector<std::string> arguments;    // without the program
    std::vector<std::string> environment;  // `NAME=value`, on top of the demo's own
    std::string log_file;                  // stdout and stderr are appended here
  };

  // kUnavailable where the program cannot be started.
  [[nodiscard]] static Result<ChildProcess> start(const Command& command);

  // No process: never running, signals go nowhere.
  [[nodiscard]] static ChildProcess none() { return {-1, {}, {}}; }

  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&& other) noexcept;
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;
  // Ends the child at once (SIGKILL) and reaps it.
  ~ChildProcess();

  // What follows `text` on the first line of the log that holds it. kUnavailable when the child
  // ends or `deadline` passes first; the message carries the end of its log.
  [[nodiscard]] Result<std::string> wait_for(std::string_view text, const Clock& clock,
                                             SteadyTime deadline);

  void send_signal(int number) const;

  // Whether it still runs; reaps it when it does not.
  [[nodiscard]] bool running();

  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  ChildProcess(pid_t pid, std::string program, std::string log_file);
  void end();

  pid_t pid_ = -1;
  std::string program_;
  std::string log_file_;
};

}  // namespace leadline
