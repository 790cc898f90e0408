#include "daemon/event_loop.h"

#include <cassert>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <utility>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

#include "daemon/asio_loop.h"
#include "daemon/exit_codes.h"
#include "daemon/log.h"

namespace leadline {

namespace asio = net::asio;

EventLoop::EventLoop() : impl_(std::make_unique<Impl>()) {}

EventLoop::~EventLoop() = default;

void EventLoop::run() {
  auto work = asio::make_work_guard(impl_->context);
  try {
    impl_->context.run();
  } catch (const std::exception& problem) {
    log_critical(fmt::format("event loop failed err=\"{}\"", printable(problem.what())));
    std::_Exit(kExitInternalError);
  }
}

void EventLoop::stop() {
  impl_->context.stop();
}

void EventLoop::post(std::function<void()> work) {
  asio::post(impl_->context, std::move(work));
}

TimerId EventLoop::call_after(std::chrono::milliseconds delay, std::function<void()> work) {
  const TimerId id = ++impl_->last_timer;
  auto& timer = impl_->timers[id];
  timer = std::make_unique<net::Timer>(impl_->executor(), delay);
  // A cancelled timer still completes, possibly as if it had expired; the table decides who lives.
  timer->async_wait([impl = impl_.get(), id, work = std::move(work)](const net::error_code&) {
    if (impl->timers.erase(id) > 0) work();
  });
  return id;
}

void EventLoop::cancel(TimerId timer) {
  const auto found = impl_->timers.find(timer);
  if (found == impl_->timers.end()) return;
  const auto doomed = std::move(found->second);
  impl_->timers.erase(found);
}

void EventLoop::on_stop_signal(std::function<void()> work) {
  assert(!impl_->on_stop_signal);
  impl_->on_stop_signal = std::move(work);
  impl_->signals.add(SIGTERM);
  impl_->signals.add(SIGINT);
  impl_->wait_for_signal();
}

void EventLoop::Impl::wait_for_signal() {
  signals.async_wait([this](const net::error_code& error, int) {
    if (error) return;
    on_stop_signal();
    wait_for_signal();
  });
}

}  // namespace leadline
