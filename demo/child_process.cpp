#include "demo/child_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <thread>
#include <utility>

namespace leadline {
namespace {

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

std::vector<std::string> environment_of(const ChildProcess::Command& command) {
  std::vector<std::string> all = command.environment;  // first, since the first of a name wins
  for (char** entry = environ; *entry != nullptr; ++entry) all.emplace_back(*entry);
  return all;
}

// Runs in the child between fork and exec: async-signal-safe calls only.
[[noreturn]] void become(char* const* arguments, char* const* environment, int log) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::setpgid(0, 0);  // Ctrl-C is for the demo, which then ends its children in order
  ::dup2(log, STDOUT_FILENO);
  ::dup2(log, STDERR_FILENO);
  ::execve(arguments[0], arguments, environment);
  ::_exit(127);
}

std::string read_file(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return std::move(text).str();
}

std::string end_of(const std::string& text) {
  constexpr std::size_t kShown = 600;
  return text.size() > kShown ? text.substr(text.size() - kShown) : text;
}

}  // namespace

std::optional<std::string> find_program(const std::string& name) {
  const char* path = std::getenv("PATH");  // NOLINT(concurrency-mt-unsafe): nobody writes it
  std::istringstream folders(path == nullptr ? "" : path);
  const auto is_program = [](const std::string& file) { return ::access(file.c_str(), X_OK) == 0; };
  for (std::string folder; std::getline(folders, folder, ':');) {
    std::string file = fmt::format("{}/{}", folder, name);
    if (is_program(file)) return file;
  }
  if (is_program("/usr/bin/" + name)) return "/usr/bin/" + name;
  return std::nullopt;
}

Result<ChildProcess> ChildProcess::start(const Command& command) {
  std::vector<std::string> arguments = command.arguments;
  arguments.insert(arguments.begin(), command.program);
  std::vector<std::string> environment = environment_of(command);
  const auto argument_pointers = pointers_to(arguments);
  const auto environment_pointers = pointers_to(environment);

  if (::access(command.program.c_str(), X_OK) != 0) {
    return fail(Errc::kUnavailable, "{}: {}", command.program,
                std::strerror(errno));  // NOLINT(concurrency-mt-unsafe): one thread
  }
  const int log = ::open(command.log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (log < 0) return fail(Errc::kUnavailable, "cannot write {}", command.log_file);
  const pid_t pid = ::fork();
  if (pid == 0) become(argument_pointers.data(), environment_pointers.data(), log);
  ::close(log);
  if (pid < 0) return fail(Errc::kUnavailable, "{}: cannot fork", command.program);
  return ChildProcess(pid, command.program, command.log_file);
}

ChildProcess::ChildProcess(pid_t pid, std::string program, std::string log_file)
    : pid_(pid), program_(std::move(program)), log_file_(std::move(log_file)) {}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      program_(std::move(other.program_)),
      log_file_(std::move(other.log_file_)) {}

ChildProcess& ChildProcess::operator=(ChildProcess&& other) noexcept {
  if (this == &other) return *this;
  end();
  pid_ = std::exchange(other.pid_, -1);
  program_ = std::move(other.program_);
  log_file_ = std::move(other.log_file_);
  return *this;
}

ChildProcess::~ChildProcess() {
  end();
}

void ChildProcess::end() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

Result<std::string> ChildProcess::wait_for(std::string_view text, const Clock& clock,
                                           SteadyTime deadline) {
  for (;;) {
    const bool alive = running();  // asked first: what it printed before it ended is read below
    const std::string log = read_file(log_file_);
    const auto at = log.find(text);
    const auto end = at == std::string::npos ? at : log.find('\n', at);
    if (end != std::string::npos) return log.substr(at + text.size(), end - at - text.size());
    if (!alive || clock().steady > deadline) {
      return fail(Errc::kUnavailable, "{} did not say `{}`; the end of its log:\n{}", program_,
                  text, end_of(log));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds{50});
  }
}

void ChildProcess::send_signal(int number) const {
  if (pid_ > 0) ::kill(pid_, number);
}

bool ChildProcess::running() {
  if (pid_ <= 0) return false;
  if (::waitpid(pid_, nullptr, WNOHANG) == 0) return true;
  pid_ = -1;
  return false;
}

}  // namespace leadline
