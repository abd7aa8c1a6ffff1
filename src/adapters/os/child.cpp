#include "adapters/os/child.h"

#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>

namespace muster::adapters {

namespace asio = boost::asio;

namespace {

constexpr std::size_t kReadSize = 64U << 10U;
constexpr Duration kTermGrace = std::chrono::milliseconds(500);
// A child of the program may hold the pipe for ever; what the program itself wrote is there by now.
constexpr Duration kPipeGrace = std::chrono::milliseconds(200);
// A process that hangs in the kernel (a dead network disk) does not even die by SIGKILL.
constexpr Duration kKillGrace = std::chrono::seconds(2);

}  // namespace

Child::Child(const Executor& executor, Spawned spawned, Limits limits)
    : pid_(spawned.pid),
      limits_(limits),
      process_(executor, spawned.process.release()),
      output_(executor),
      error_(executor),
      timer_(executor),
      changed_(executor) {
    if (limits_.is_daemon) {
        output_file_ = std::move(spawned.output);
        error_file_ = std::move(spawned.error);
        return;
    }
    output_.descriptor.assign(spawned.output.release());
    error_.descriptor.assign(spawned.error.release());
    output_.is_open = true;
    error_.is_open = true;
}

Child::~Child() {
    if (!is_reaped_) {
        kill(-pid_, SIGKILL);
        waitpid(pid_, nullptr, WNOHANG);
    }
}

void Child::start(Duration time_left) {
    const auto self = shared_from_this();
    process_.async_wait(asio::posix::stream_descriptor::wait_read,
                        [self](const boost::system::error_code& failure) {
                            if (!failure) {
                                self->ended();
                            }
                        });
    after(time_left, &Child::stop);
    for (auto* stream : {&output_, &error_}) {
        if (stream->is_open) {
            stream->buffer.resize(kReadSize);
            read(*stream);
        }
    }
}

void Child::read(Stream& stream) {
    const auto self = shared_from_this();
    stream.descriptor.async_read_some(
        asio::buffer(stream.buffer),
        [self, &stream](const boost::system::error_code& failure, std::size_t count) {
            self->keep(stream, count);
            if (failure || !stream.is_open) {
                stream.is_open = false;
                self->look();
                return;
            }
            self->read(stream);
        });
}

void Child::keep(Stream& stream, std::size_t count) {
    const auto room = std::min(count, limits_.max_output - stream.text.size());
    stream.text.append(stream.buffer.data(), room);
    stream.is_cut = stream.is_cut || room < count;
}

// The program shares the file's offset with us: it says how much was written.
void Child::read_file(Stream& stream, int file) const {
    const auto length = lseek(file, 0, SEEK_CUR);
    stream.text.resize(length > 0 ? static_cast<std::size_t>(length) : 0);
    const auto got = pread(file, stream.text.data(), stream.text.size(), 0);
    stream.text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    stream.is_cut = stream.text.size() == limits_.max_output;
}

void Child::ended() {
    has_ended_ = true;
    if (limits_.is_daemon) {
        read_file(output_, output_file_.get());
        read_file(error_, error_file_.get());
    }
    if (is_stopping_) {
        kill_group();
        return;
    }
    after(kPipeGrace, &Child::give_up);
    look();
}

void Child::after(Duration delay, void (Child::*action)()) {
    timer_.expires_after(std::max(delay, Duration::zero()));
    timer_.async_wait(
        [self = shared_from_this(), action](const boost::system::error_code& failure) {
            if (!failure) {
                ((*self).*action)();
            }
        });
}

void Child::stop() {
    if (is_finished_ || is_stopping_) {
        return;
    }
    if (has_ended_) {
        give_up();
        return;
    }
    is_stopping_ = true;
    kill(-pid_, SIGTERM);
    after(kTermGrace, &Child::kill_group);
}

void Child::kill_group() {
    // The leader is not reaped yet, so the group's number can't have gone to strangers.
    if (!is_killed_) {
        is_killed_ = true;
        kill(-pid_, SIGKILL);
    }
    after(has_ended_ ? kPipeGrace : kKillGrace, &Child::give_up);
    look();
}

void Child::give_up() {
    output_.is_open = false;
    error_.is_open = false;
    is_finished_ = true;
    timer_.cancel();
    boost::system::error_code ignored;
    output_.descriptor.close(ignored);
    error_.descriptor.close(ignored);
    process_.close(ignored);
    changed_.notify();
}

void Child::look() {
    if (!is_finished_ && has_ended_ && !output_.is_open && !error_.is_open) {
        give_up();
    }
}

int Child::exit_code() {
    int status = 0;
    if (waitpid(pid_, &status, WNOHANG) != pid_) {
        return -1;
    }
    is_reaped_ = true;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace muster::adapters
