// The codecs of the backup engine, each in every way that this processor has, on one thread.
#include <algorithm>
#include <cstring>
#include <ctime>
#include <random>

#include "backup/codec/compressor.h"
#include "backup/codec/rabin.h"
#include "backup/codec/seal.h"
#include "backup/codec/sha256_lanes.h"
#include "support/report.h"

namespace {

using namespace muster;
using backup::Buffer;
using backup::ByteView;

constexpr std::size_t kKiB = 1024;
constexpr std::size_t kMiB = 1024 * kKiB;
/// The data, in pieces of the size that a measurement is about. The caches hold it, as they hold
/// what a backup has just read.
constexpr std::size_t kData = 4 * kMiB;
/// What one measurement goes through in all.
constexpr std::size_t kTotal = 64 * kMiB;
constexpr backup::Polynomial kPolynomial = 0x3DA3358B4DC173;

std::string size_name(std::size_t size) {
    return size >= kMiB ? std::to_string(size / kMiB) + " MiB"
                        : std::to_string(size / kKiB) + " KiB";
}

Buffer random_buffer(std::size_t size) {
    std::mt19937_64 random(1);
    Buffer buffer(size);
    for (std::size_t at = 0; at + sizeof(std::uint64_t) <= size; at += sizeof(std::uint64_t)) {
        const std::uint64_t word = random();
        std::memcpy(buffer.data() + at, &word, sizeof word);
    }
    return buffer;
}

/// Of this thread: other work on the machine shall not count.
double processor_seconds() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

/// Lines like those of a log.
Buffer text_buffer(std::size_t size) {
    static constexpr std::array<std::string_view, 8> kWords{
        "connection", "from", "10.0.", "closed", "after", "user=", "ms", "checkpoint"};
    std::mt19937_64 random(2);
    Buffer buffer;
    buffer.reserve(size + 100);
    while (buffer.size() < size) {
        buffer.append(backup::bytes_of(std::to_string(random() % 100'000) + " "));
        for (int i = 0; i < 6; ++i) {
            buffer.append(backup::bytes_of(kWords[random() % kWords.size()]));
            buffer.append(
                backup::bytes_of(random() % 3 == 0 ? std::to_string(random() % 1000) : " "));
        }
        buffer.append(backup::bytes_of("\n"));
    }
    buffer.resize(size);
    return buffer;
}

class Codecs {
  public:
    void measure_scans() {
        const backup::rabin::Tables tables(kPolynomial);
        const backup::rabin::Rule rule{.mask = 0xfffff, .takes_zero = true};
        const backup::rabin::Rule dense{.mask = 0xffff, .takes_zero = false};
        for (const auto& path : backup::rabin::paths()) {
            for (const std::size_t size : {32 * kKiB, 512 * kKiB, 4 * kMiB}) {
                each("boundary scan, " + size_name(size), path.name, size, [&](ByteView piece) {
                    found_.clear();
                    path.scan(tables, piece, backup::rabin::kWindow, rule, found_);
                });
            }
            each("boundary scan by 16 bits, 4 MiB", path.name, 4 * kMiB, [&](ByteView piece) {
                found_.clear();
                path.scan(tables, piece, backup::rabin::kWindow, dense, found_);
            });
        }
    }

    void measure_hashes() {
        for (const auto& path : backup::sha256_lanes::paths()) {
            for (const std::size_t size : {kKiB, 16 * kKiB, kMiB}) {
                const std::size_t batch = std::min<std::size_t>(16, 4 * kMiB / size);
                std::vector<backup::ObjectId> ids(batch);
                each("SHA-256, " + std::to_string(batch) + " of " + size_name(size), path.name,
                     size * batch, [&](ByteView pieces) {
                         std::vector<ByteView> messages;
                         for (std::size_t i = 0; i < batch; ++i) {
                             messages.push_back(pieces.subspan(i * size, size));
                         }
                         path.hash(messages, ids);
                     });
            }
        }
    }

    void measure_seals() {
        backup::MasterKey key;
        key.encrypt.fill(1);
        key.mac_k.fill(2);
        key.mac_r.fill(3);
        const backup::Sealer sealer(key);
        backup::Iv iv{1};
        for (const std::size_t size : {kKiB, 16 * kKiB, 2 * kMiB}) {
            Buffer sealed(size + backup::Sealer::kOverhead);
            const auto seal = [&](ByteView piece) { sealer.seal(piece, iv, sealed.span()); };
            each("seal, " + size_name(size), "openssl", size, seal);
            Buffer plain(size);
            each("open, " + size_name(size), "openssl", size, [&](ByteView /*piece*/) {
                if (!sealer.open(sealed.view(), plain.span())) {
                    bench::give_up("what was sealed can't be opened");
                }
            });
        }
    }

    void measure_compression() {
        backup::Compressor compressor(backup::Compression::kAuto);
        backup::Decompressor decompressor;
        for (const std::size_t size : {4 * kKiB, 16 * kKiB, kMiB}) {
            Buffer frame(backup::Compressor::bound(size));
            std::size_t written = 0;
            const auto compress = [&](ByteView piece) {
                written = compressor.compress_data(piece, frame.span());
            };
            each_of(text_, "compress text, " + size_name(size), "zstd", size, compress);
            Buffer plain(size);
            each_of(text_, "decompress text, " + size_name(size), "zstd", size,
                    [&](ByteView /*piece*/) {
                        if (!decompressor.decompress(frame.view().first(written), plain.span())) {
                            bench::give_up("what was compressed can't be read");
                        }
                    });
            each("compress random data, " + size_name(size), "zstd", size, compress);
        }
    }

    [[nodiscard]] const bench::Report& report() const { return report_; }

  private:
    using Work = std::function<void(ByteView)>;

    void each(const std::string& name, std::string_view path, std::size_t size, const Work& work) {
        each_of(random_, name, path, size, work);
    }

    void each_of(const Buffer& data, const std::string& name, std::string_view path,
                 std::size_t size, const Work& work) {
        const std::size_t count = data.size() / size;
        const std::size_t pieces = kTotal / size;
        const double begin = processor_seconds();
        for (std::size_t i = 0; i < pieces; ++i) {
            work(data.view().subspan(i % count * size, size));
        }
        const double seconds = processor_seconds() - begin;
        report_.add({std::string(path), name, "GB/s"},
                    static_cast<double>(pieces * size) / seconds / 1e9);
    }

    bench::Report report_;
    Buffer random_ = random_buffer(kData);
    Buffer text_ = text_buffer(kData);
    backup::rabin::Positions found_;
};

}  // namespace

int main(int count, char** words) {
    Codecs codecs;
    for (int i = 0; i < bench::kRepetitions; ++i) {
        codecs.measure_scans();
        codecs.measure_hashes();
        codecs.measure_seals();
        codecs.measure_compression();
    }
    return codecs.report().finish(bench::words_of(count, words));
}
