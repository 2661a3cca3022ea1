# A small web service in Node.

# Where to begin: an image that has Node in it.
FROM node:20-alpine AS base
WORKDIR /app

# The list of dependencies first: as long as it stays the same,
# the next two steps come from the cache.
COPY package.json package-lock.json ./
RUN npm ci --omit=dev

# Then the program itself, which changes more often.
COPY . .

ENV NODE_ENV=production \
    PORT=3000
EXPOSE 3000
USER node

# What a container of it runs, unless told otherwise.
CMD ["node", "server.js"]
