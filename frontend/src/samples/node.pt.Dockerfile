# Um pequeno serviço web em Node.

# De onde partir: uma imagem que já tem o Node.
FROM node:20-alpine AS base
WORKDIR /app

# Primeiro a lista de dependências: enquanto ela não mudar,
# os dois próximos passos vêm do cache.
COPY package.json package-lock.json ./
RUN npm ci --omit=dev

# Depois o próprio programa, que muda mais vezes.
COPY . .

ENV NODE_ENV=production \
    PORT=3000
EXPOSE 3000
USER node

# O que um contêiner dela executa, salvo indicação em contrário.
CMD ["node", "server.js"]
