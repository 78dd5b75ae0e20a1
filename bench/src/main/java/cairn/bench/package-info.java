/**
 * Questions about speed and stored bytes, each with a program that answers it.
 *
 * <p>Start at {@link cairn.bench.Main}: {@code dedup} pushes real disks to a real server and says what was kept and
 * what it cost; {@code ingest} has others that keep disks do the same work in turns, {@code read}, {@code write} and
 * {@code storm} other NBD servers; {@code boot} replays a boot's reads with and without a boot profile; {@code corpus}
 * makes disks to measure with; {@code mark}, {@code reclaim} and {@code settle} ask what garbage collection takes
 * and gives; {@code jmh} runs the small benchmarks, one class for each question. What is measured goes through the same
 * doors as everybody's: the client library, the server's own program; only {@code mark} fills its stores without one.
 */
package cairn.bench;
