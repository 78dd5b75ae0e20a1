/**
 * The server: reads its configuration, builds every part and joins them.
 *
 * <p>Start at {@link cairn.server.StoreServer}. Parts get what they need by their constructors and are closed in
 * reverse.
 */
package cairn.server;
