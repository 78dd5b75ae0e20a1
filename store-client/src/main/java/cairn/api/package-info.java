/**
 * Our own HTTP API as both sides see it: its paths, messages and limits.
 *
 * <p>Start at {@link cairn.api.Api}. Every request is signed with SigV4 for the service {@code cairn}. Small messages
 * are JSON, items travel packed in an {@link cairn.api.ItemBatch}. docs/formats.md has it all in tables.
 */
package cairn.api;
