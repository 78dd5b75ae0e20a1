/**
 * Our own API as a door: turns HTTP requests into calls of uploads, images and accounts, and their answers into JSON.
 *
 * <p>Start at {@link cairn.server.api.ApiDoor}, which lists every endpoint. It keeps no data.
 */
package cairn.server.api;
