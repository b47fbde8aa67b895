// Tells the customer how it went. Here the mail goes to the log.

const TEXTS = {
  CONFIRMED: (orderId) => `Thank you! Your order ${orderId} is on its way.`,
  REJECTED: (orderId) => `We could not accept your order ${orderId}.`,
  OUT_OF_STOCK: (orderId) => `Sorry, something in your order ${orderId} is sold out.`,
  NOT_CHARGED: (orderId) => `Your order ${orderId} could not be completed; nothing was charged.`,
  REFUNDED: (orderId) => `Something went wrong with your order ${orderId}; your payment was returned.`,
};

/** Sends `{orderId, customer, outcome}`; gives `{to, text}`. */
export async function handler({ orderId = "(without a number)", customer, outcome }) {
  const text = TEXTS[outcome]?.(orderId);
  if (!text) throw new TypeError(`there is no text for the outcome ${outcome}`);
  const to = customer?.email ?? "nobody";
  console.log(`from ${process.env.SENDER} to ${to}: ${text}`);
  return { to, text };
}
